import { expect, test } from "vitest";
import { ownCases } from "../own-figures.ts";
import { cpuSuites } from "./suite-list.ts";

test("no two figures share a name", () => {
  const names = [...cpuSuites.flatMap(({ figures }) => figures), ...ownCases.map(({ name }) => name)];
  expect(new Set(names).size).toBe(names.length);
});

test.each(["tokenizer", "data", "fp8-codec"])("--only %s means no figure that needs a GPU", (only) => {
  expect(cpuSuites.some(({ figures }) => figures.some((name) => name.includes(only)))).toBe(true);
  expect(ownCases.filter(({ name }) => name.includes(only))).toEqual([]);
});
