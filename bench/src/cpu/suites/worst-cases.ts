import { readFile } from "node:fs/promises";
import { parseTokenizer } from "@ds3/tokenizer";
import { doublingRatio } from "../speeds.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { timedCpu } from "./timing.ts";

const BYTES = 1_000_000;
const REPEATS = 7;
const CASES = { letter: "a", han: "啊", spaces: " " } as const;

/**
 * What twice the length of one character, again and again, costs: 2 where cost is linear. Each text is one piece for the
 * pre-tokenizer; no two have the same length, so that none is found in a cache.
 */
export async function* benchWorstCases({ deepseek }: TextInput): AsyncGenerator<CpuFigure> {
  const tokenizer = parseTokenizer(await readFile(deepseek, "utf8"));
  for (const [name, character] of Object.entries(CASES)) {
    const count = BYTES / Buffer.byteLength(character);
    const run = (length: number): number => {
      const text = character.repeat(length);
      return timedCpu(() => tokenizer.encode(text, { addSpecialTokens: false }));
    };
    const [single, double]: [number[], number[]] = [[], []];
    for (let i = 0; i < REPEATS; i++) {
      single.push(run(count + i));
      double.push(run(2 * count + i));
    }
    const speed = (2 * BYTES) / 1e6 / Math.min(...double);
    const note = `time of the processor for 2 MB / for 1 MB, best of ${REPEATS} each; ${speed.toPrecision(3)} MB/s`;
    yield { name: `tokenizer.worst.${name}`, value: doublingRatio(single, double), unit: "ratio", note };
  }
}
