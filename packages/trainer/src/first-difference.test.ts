import { expect, test } from "vitest";
import { firstDifference } from "./first-difference.ts";

test("the first place that differs, by its path", () => {
  const of = (expected: unknown, actual: unknown) => firstDifference("settings", expected, actual);
  expect(of({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 })).toBeUndefined();
  expect(of({ a: 1, gone: undefined }, { a: 1 })).toBeUndefined();
  expect(of(undefined, null)).toBeUndefined();
  expect(of({ b: { c: [1, 2] } }, { b: { c: [1, 3] } })).toEqual({
    path: "settings.b.c[1]",
    expected: "2",
    actual: "3",
  });
  expect(of({}, { seed: 1 })).toEqual({ path: "settings.seed", expected: "nothing", actual: "1" });
  expect(of({ seed: 1 }, {})).toEqual({ path: "settings.seed", expected: "1", actual: "nothing" });
  expect(of([1], { 0: 1 })).toEqual({ path: "settings", expected: "[1]", actual: '{"0":1}' });
  expect(of({ a: null }, { a: {} })).toEqual({ path: "settings.a", expected: "null", actual: "{}" });
});
