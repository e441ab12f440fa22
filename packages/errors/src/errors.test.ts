import { expect, test } from "vitest";
import { Ds3Error, didYouMean, nearest, ShapeError } from "./index.ts";

const details = { op: "matmul", operand: "b", expected: "[4, *]", actual: "[3, 5]", hint: "Transpose b." };

test("the message carries every field", () => {
  const error = new ShapeError(details);
  expect(error.message).toBe("matmul: b: expected [4, *], got [3, 5]. Transpose b.");
  expect(error.name).toBe("ShapeError");
});

test("identity is by marker, along the class chain", () => {
  const error = new ShapeError(details);
  expect([ShapeError.is(error), Ds3Error.is(error), ShapeError.is(new Ds3Error(details))]).toEqual([true, true, false]);
  class Copy extends Error {
    constructor() {
      super("from another copy of the package");
      Object.defineProperty(this, Symbol.for("@ds3/ShapeError"), { value: true });
    }
  }
  expect(ShapeError.is(new Copy())).toBe(true);
});

test("nearest finds typos and refuses strangers", () => {
  expect(nearest("hiden_size", ["hidden_size", "vocab_size"])).toBe("hidden_size");
  expect(nearest("zebra", ["hidden_size"])).toBeUndefined();
  expect(didYouMean("zebra", ["a", "b"])).toBe("Known: a, b.");
});
