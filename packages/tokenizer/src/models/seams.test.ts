import { expect, test } from "vitest";
import { findSeams } from "./seams.ts";

const merges = (...list: [number, number, number][]): Parameters<typeof findSeams>[0] => ({
  left: Int32Array.from(list, ([left]) => left),
  right: Int32Array.from(list, ([, right]) => right),
  result: Int32Array.from(list, ([, , result]) => result),
});

test("joined are the symbols that a merge can bring together, through any number of merges before it", () => {
  // Symbols 0, 1, 2; 3 = 0 1, 4 = 3 2 = 0 1 2, 5 = 4 4; listed so that results come before their parts.
  const seams = findSeams(merges([4, 4, 5], [3, 2, 4], [0, 1, 3]), [0, 1, 2])!;
  const joined = [0, 1, 2].flatMap((a) => [0, 1, 2].filter((b) => seams.joins(a, b)).map((b) => `${a}${b}`));
  expect(joined).toEqual(["01", "12", "20"]);
});

test("there are no seams where a token can begin in two symbols", () => {
  expect(findSeams(merges([0, 1, 3], [2, 1, 3]), [0, 1, 2])).toBeUndefined();
});

test("a merge of tokens that cannot come about joins nothing", () => {
  expect(findSeams(merges([7, 1, 8]), [0, 1])!.joins(0, 1)).toBe(false);
});
