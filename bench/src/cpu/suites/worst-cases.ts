import { readFile } from "node:fs/promises";
import { parseTokenizer, type Tokenizer } from "@ds3/tokenizer";
import { doublingRatio } from "../speeds.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { WORST_PIPELINES, worstPipeline } from "../worst-pipelines.ts";
import { timedCpu } from "./timing.ts";

const CASES = { letter: "a", han: "啊", spaces: " " } as const;
const PIPELINE_CASES = { ...CASES, accents: "é" } as const;

interface Amount {
  /** Bytes of the single length. */
  readonly bytes: number;
  readonly repeats: number;
}

/**
 * What twice the length of one character, again and again, costs: 2 where cost is linear. Each text is one piece for the
 * pre-tokenizer; no two have the same length, so that none is found in a cache.
 */
export async function* benchWorstCases({ deepseek }: TextInput): AsyncGenerator<CpuFigure> {
  const tokenizer = parseTokenizer(await readFile(deepseek, "utf8"));
  for (const [name, character] of Object.entries(CASES)) {
    yield benchDoubling(`tokenizer.worst.${name}`, tokenizer, character, { bytes: 1_000_000, repeats: 7 });
  }
  for (const pipeline of WORST_PIPELINES) {
    const small = parseTokenizer(worstPipeline(pipeline));
    for (const [name, character] of Object.entries(PIPELINE_CASES)) {
      yield benchDoubling(`tokenizer.worst.${pipeline}.${name}`, small, character, { bytes: 500_000, repeats: 5 });
    }
  }
}

function benchDoubling(name: string, tokenizer: Tokenizer, character: string, { bytes, repeats }: Amount): CpuFigure {
  const count = bytes / Buffer.byteLength(character);
  const run = (length: number): number => {
    const text = character.repeat(length);
    return timedCpu(() => tokenizer.encode(text, { addSpecialTokens: false }));
  };
  const [single, double]: [number[], number[]] = [[], []];
  for (let i = 0; i < repeats; i++) {
    single.push(run(count + i));
    double.push(run(2 * count + i));
  }
  const megabytes = (2 * bytes) / 1e6;
  const speed = megabytes / Math.min(...double);
  const note = `time of the processor for ${megabytes} MB / for ${megabytes / 2} MB, best of ${repeats} each; ${speed.toPrecision(3)} MB/s`;
  return { name, value: doublingRatio(single, double), unit: "ratio", note };
}
