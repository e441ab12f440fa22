import { ConfigError } from "@ds3/errors";
import type { Document } from "./document.ts";
import { requireInteger } from "./require-integer.ts";
import type { DocumentStage, Dropped, StageReport } from "./stage.ts";
import { StageTally } from "./stage-tally.ts";

/** What is sampled of the documents that stages change or drop. */
export interface StageRunnerOptions {
  /** Samples for every reason of every stage, and of changed documents of every stage; 0 for none. Default 3. */
  readonly sampleCount?: number;
  /** UTF-16 units of a text kept in a sample. Default 1000. */
  readonly sampleLength?: number;
  /** Seed of the choice of samples. Default 0. */
  readonly seed?: number;
}

/** Takes documents through stages one by one and counts: the synchronous heart of `runStages`. */
export class StageRunner implements DocumentStage {
  readonly name = "stages";
  readonly #stages: readonly DocumentStage[];
  readonly #tallies: readonly StageTally[];

  /** @throws ConfigError when two stages share a name; OutOfRangeError for a count or length that is none. */
  constructor(stages: readonly DocumentStage[], options: StageRunnerOptions = {}) {
    const { sampleCount = 3, sampleLength = 1000, seed = 0 } = options;
    requireInteger("runStages", "sampleCount", sampleCount, 0);
    requireInteger("runStages", "sampleLength", sampleLength, 1);
    checkNames(stages);
    this.#stages = stages;
    this.#tallies = stages.map(({ name }, stream) => new StageTally({ name, sampleCount, sampleLength, seed, stream }));
  }

  /** The document after all stages, or the first drop. */
  process(document: Document): Document | Dropped {
    let current = document;
    for (const [index, stage] of this.#stages.entries()) {
      const start = performance.now();
      const result = stage.process(current);
      const seconds = (performance.now() - start) / 1000;
      this.#tallies[index]!.count(current, result, seconds);
      if ("reason" in result) return result;
      current = result;
    }
    return current;
  }

  /** What each stage did so far. */
  reports(): StageReport[] {
    return this.#tallies.map((tally) => tally.report());
  }
}

function checkNames(stages: readonly DocumentStage[]): void {
  const names = stages.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  const expected = "names that differ, for reports to tell stages apart";
  throw new ConfigError({ op: "runStages", operand: "stages", expected, actual: `two stages named "${twice}"` });
}
