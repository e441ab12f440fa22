import { plantHan, plantWords } from "./planted.ts";

/** The texts of the test that kills a process. */
export function killTexts(): string[] {
  const pairs = [...plantWords(400, 0.9, 21), ...plantHan(400, 0.8, 21), ...plantWords(400, 0.5, 22)];
  return [...pairs.map(({ first }) => first), ...pairs.map(({ second }) => second)];
}
