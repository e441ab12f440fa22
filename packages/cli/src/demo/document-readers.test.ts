import { expect, test } from "vitest";
import { readCountries, readSpeeches, readTypings } from "./document-readers.ts";

test("speeches come in the order of their paths, with year and speaker first", () => {
  const files = new Map([
    ["data/1791_b.json", JSON.stringify({ year: 1791, name: "B", party: "none", text: "Second." })],
    ["data/1790_a.json", JSON.stringify({ year: 1790, name: "A", party: "none", text: "First." })],
  ]);
  expect(readSpeeches(files)).toEqual([
    "State of the Union 1790, A\n\nFirst.",
    "State of the Union 1791, B\n\nSecond.",
  ]);
});

test("a country profile becomes its short name and one line a leaf", () => {
  const profile = {
    Geography: { Area: { total: { text: " 30 sq km " }, land: { text: "" }, note: null } },
    Government: { "Country name": { "conventional short form": { text: "Utopia" } } },
  };
  expect(readCountries(new Map([["europe/ut.json", JSON.stringify(profile)]]))).toEqual([
    "Utopia\n\nGeography > Area > total: 30 sq km\nGovernment > Country name > conventional short form: Utopia",
  ]);
});

test("a profile without a short name is headed by its path, one without text is left out", () => {
  const files = new Map([
    ["a/aa.json", JSON.stringify({ Map: { text: "blank" } })],
    ["a/bb.json", JSON.stringify({ Map: {} })],
  ]);
  expect(readCountries(files)).toEqual(["a/aa.json\n\nMap: blank"]);
});

test("a declaration keeps the comment above it and loses its indentation", () => {
  const source = `/* licence */
declare namespace Wx {
    /** 账号信息 */
    interface Account {
        /** 名称 */
        name: string
    }
    type Id = string
}`;
  expect(readTypings(new Map([["types/a.d.ts", source]]))).toEqual([
    "/** 账号信息 */\ninterface Account {\n    /** 名称 */\n    name: string\n}",
    "type Id = string\n}",
  ]);
});

test("an interface of many members is cut at its members' comments and loses nothing", () => {
  const members = Array.from(
    { length: 300 },
    (_, i) => `        /** 接口 ${i} ${"说".repeat(60)} */\n        f${i}(): void`,
  );
  const pieces = readTypings(new Map([["types/a.d.ts", `    interface Wx {\n${members.join("\n")}\n    }`]]));
  expect(pieces.length).toBeGreaterThan(2);
  for (const piece of pieces.slice(1)) expect(piece).toMatch(/^\/\*\* 接口/);
  const names = pieces.join("\n").match(/\bf\d+(?=\()/g);
  expect(names).toEqual(members.map((_, i) => `f${i}`));
});
