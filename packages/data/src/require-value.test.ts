import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { requireInteger } from "./require-integer.ts";
import { requireChoice, requireIterable, requireObject, shown } from "./require-value.ts";

test("objects, choices and iterables are told from other values", () => {
  requireObject("op", "x", {});
  for (const value of [null, undefined, [], "a", 1]) expect(() => requireObject("op", "x", value)).toThrow(ConfigError);
  requireChoice("op", "x", "a", ["a", "b"]);
  for (const value of ["c", undefined, 1])
    expect(() => requireChoice("op", "x", value, ["a", "1"])).toThrow(ConfigError);
  for (const value of [[], new Set(), new Map().values()]) requireIterable("op", "x", value);
  for (const value of ["ab", {}, null, 3]) expect(() => requireIterable("op", "x", value)).toThrow(ConfigError);
  expect(() => requireChoice("op", "x", 1n, ["a"])).toThrow('op: x: expected "a", got 1');
});

test("integers within bounds", () => {
  for (const value of [0, 3, 5]) requireInteger("op", "x", value, 0, 5);
  requireInteger("op", "x", Number.MAX_SAFE_INTEGER, 1);
  for (const value of [-1, 6, 0.5, Number.NaN, "3", undefined])
    expect(() => requireInteger("op", "x", value, 0, 5)).toThrow(OutOfRangeError);
  expect(() => requireInteger("op", "x", 6, 0, 5, "Less.")).toThrow(
    "op: x: expected an integer from 0 to 5, got 6. Less.",
  );
  expect(() => requireInteger("op", "x", 0, 1)).toThrow("expected an integer of at least 1, got 0");
  expect(() => requireInteger("op", "x", 2 ** 53, 1)).toThrow(OutOfRangeError);
});

test("values are shown by their beginning, whatever they are", () => {
  expect([1, Number.NaN, 3n, "a", undefined, null, { a: [1] }].map(shown)).toEqual([
    "1",
    "NaN",
    "3",
    '"a"',
    "undefined",
    "null",
    '{"a":[1]}',
  ]);
  expect(shown(Array(21).fill("x".repeat(1000)))).toBe("an array of 21");
  expect(shown("x".repeat(1000))).toBe(`"${"x".repeat(199)}…`);
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  expect([circle, { a: 1n }, Symbol("s")].map(shown)).toEqual(["an object", "an object", "Symbol(s)"]);
});
