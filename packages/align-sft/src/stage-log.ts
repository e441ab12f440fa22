import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** Name of the file of measurements in a run's folder. */
const LOG = "stages.jsonl";

/** A measurement between stages, a line of `stages.jsonl`. */
export interface StageRecord {
  readonly stage: string;
  readonly when: "before" | "after";
  readonly repetitionRate: number;
  /** Completions that it was measured on. */
  readonly completions: number;
}

/**
 * The repetition rate at a moment of a run: what the log says, else what `measure` gives, which is then logged. Undefined
 * when that gives nothing.
 */
export async function measuredOnce(
  folder: string,
  moment: Pick<StageRecord, "stage" | "when">,
  measure: () => Promise<Pick<StageRecord, "repetitionRate" | "completions"> | undefined>,
): Promise<number | undefined> {
  const path = join(folder, LOG);
  const known = readRecords(path).find(({ stage, when }) => stage === moment.stage && when === moment.when);
  if (known) return known.repetitionRate;
  const measured = await measure();
  if (measured === undefined) return undefined;
  const record: StageRecord = { ...moment, ...measured };
  appendFileSync(path, `${JSON.stringify(record)}\n`);
  return record.repetitionRate;
}

/**
 * Moves an earlier run's stages and log out of the way, to `<folder>/previous`, in place of what lies there: a stage must
 * never go on from a run that another first stage led to.
 *
 * @returns where they are now, or undefined when there were none.
 */
export async function moveEarlierStages(folder: string, stages: readonly string[]): Promise<string | undefined> {
  const found = [...stages, LOG].filter((name) => existsSync(join(folder, name)));
  if (found.length === 0) return undefined;
  const previous = join(folder, "previous");
  await rm(previous, { recursive: true, force: true });
  await mkdir(previous);
  for (const name of found) await rename(join(folder, name), join(previous, name));
  return previous;
}

/** A line that a crash cut short is passed over: its moment is measured again. */
function readRecords(path: string): StageRecord[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as StageRecord];
      } catch {
        return [];
      }
    });
}
