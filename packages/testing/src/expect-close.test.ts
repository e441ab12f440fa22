import { expect, test } from "vitest";
import { expectClose } from "./expect-close.ts";

test("accepts what lies within atol + rtol |expected|", () => {
  expectClose([1, 100.1], [1.05, 100], { name: "y", atol: 0.05, rtol: 1e-3 });
});

test("names the worst element by its coordinates, with both values", () => {
  const check = () => expectClose([0, 1, 2, 3.5, 4, 9], [0, 1, 2, 3, 4, 5], { name: "y", shape: [2, 3], atol: 0.1 });
  expect(check).toThrow(/y: 2 of 6 elements .* worst at \[1, 2\]: got 9, expected 5, difference 4/);
});

test("a NaN on either side and another length are differences", () => {
  expect(() => expectClose([Number.NaN], [1], { name: "y", atol: 10 })).toThrow(/got NaN/);
  expect(() => expectClose([1], [Number.NaN], { name: "y", atol: 10 })).toThrow(/expected NaN/);
  expect(() => expectClose([1], [1, 2], { name: "y" })).toThrow(/1 elements, expected 2/);
});
