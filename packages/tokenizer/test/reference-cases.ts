import { readFileSync } from "node:fs";
import { join } from "node:path";
import { committedFixtures } from "./golden.ts";

/** A committed file of HF's values. */
export function readCases<Cases>(name: string): Cases {
  return JSON.parse(readFileSync(join(committedFixtures, name), "utf8")) as Cases;
}

/** By code point of a text: its position in UTF-16 units; one more for the end. */
export function unitPositions(text: string): number[] {
  const positions = [0];
  for (const character of text) positions.push(positions.at(-1)! + character.length);
  return positions;
}
