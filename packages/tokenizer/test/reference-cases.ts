import { readFileSync } from "node:fs";
import { join } from "node:path";
import { committedFixtures } from "./golden.ts";

/** A committed file of HF's values. */
export function readCases<Cases>(name: string): Cases {
  return JSON.parse(readFileSync(join(committedFixtures, name), "utf8")) as Cases;
}

/** A range as scripts/reference/compact.py writes it: a length behind the range before, -1 for that range again, or both ends. */
export type Span = number | readonly [start: number, end: number];

/** Starts and ends by turns. */
export function offsetsOf(spans: readonly Span[]): number[] {
  const offsets: number[] = [];
  let [start, end] = [0, 0];
  for (const span of spans) {
    if (typeof span !== "number") [start, end] = span;
    else if (span >= 0) [start, end] = [end, end + span];
    offsets.push(start, end);
  }
  return offsets;
}

/** By code point of a text: its position in UTF-16 units; one more for the end. */
export function unitPositions(text: string): number[] {
  const positions = [0];
  for (const character of text) positions.push(positions.at(-1)! + character.length);
  return positions;
}
