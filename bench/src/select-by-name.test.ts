import { expect, test } from "vitest";
import { selectByName } from "./select-by-name.ts";

const cases = [{ name: "matmul.nn.512" }, { name: "matmul.nt.512" }, { name: "adamw" }];

test("by part of the name; an empty one selects all", () => {
  expect(selectByName(cases, "nt.")).toEqual([cases[1]]);
  expect(selectByName(cases, "")).toEqual(cases);
});

test("a name that nothing has is refused with those there are", () => {
  expect(() => selectByName(cases, "conv")).toThrow(/expected part of one of matmul.nn.512, .*adamw, got "conv"/);
});
