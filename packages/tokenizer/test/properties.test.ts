/** What must hold of every tokenizer, on random texts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseTokenizer } from "../src/parse-tokenizer.ts";
import type { Tokenizer } from "../src/tokenizer.ts";
import { committedFixtures } from "./golden.ts";
import { committedPipelines, pipelinePhrases } from "./pipelines.ts";
import { randomBelow, randomText } from "./random-texts.ts";

const RUNS = 300;

/** Any Unicode text: code points of all planes, U+FEFF and unassigned ones among them, as random UTF-8 decodes to. */
function randomUtf8(seed: number): string {
  const below = randomBelow(seed);
  const makers = [
    () => String.fromCodePoint(below(0x80)),
    () => String.fromCodePoint(below(0xd800)),
    () => String.fromCodePoint(0xe000 + below(0x2000)),
    () => String.fromCodePoint(0x10000 + below(0x100000)),
    () => new TextDecoder().decode(Uint8Array.from({ length: below(9) }, () => below(256))),
    () => "x".repeat(below(300)),
  ];
  return Array.from({ length: below(30) }, () => makers[below(makers.length)]!()).join("");
}

describe("byte-level models give any text back", () => {
  for (const name of ["gpt2", "deepseek-v3"]) {
    const json = readFileSync(join(committedFixtures, `${name}.tokenizer.json`), "utf8");
    const tokenizer = parseTokenizer(json);
    test(name, () => {
      for (let seed = 0; seed < RUNS; seed++) {
        const text = randomUtf8(seed);
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(tokenizer.decode(tokenizer.encodeWithOffsets(text).ids)).toBe(text);
        const stream = tokenizer.decodeStream();
        expect(Array.from(ids, (id) => stream.push(id)).join("") + stream.end()).toBe(text);
      }
    });
  }
});

/** Offsets lie in the text, between characters; those of plain cutting cover it without a gap. */
function expectOffsets(tokenizer: Tokenizer, text: string, covers: boolean): void {
  const { ids, offsets } = tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
  expect(offsets.length).toBe(2 * ids.length);
  let end = 0;
  for (let i = 0; i < ids.length; i++) {
    const [from, to] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    expect(from).toBeLessThanOrEqual(to);
    expect(to).toBeLessThanOrEqual(text.length);
    expect(text.slice(from, to)).not.toMatch(/\p{Surrogate}/u);
    if (covers) expect(from <= end && to >= end).toBe(true);
    end = Math.max(end, to);
  }
  if (covers) expect(end).toBe(text.length);
}

const covering = ["gpt2", "deepseek-v3", "digits, punctuation, then bytes"];

describe("both ways of encoding agree, and offsets are places in the text", () => {
  for (const { name, json } of committedPipelines()) {
    test(name, () => {
      const tokenizer = parseTokenizer(json);
      for (let seed = 0; seed < RUNS; seed++) {
        const text = seed % 2 === 0 ? randomText(seed, pipelinePhrases) : randomUtf8(seed);
        for (const addSpecialTokens of [false, true]) {
          const { ids } = tokenizer.encodeWithOffsets(text, { addSpecialTokens });
          expect({ text, ids: tokenizer.encode(text, { addSpecialTokens }) }).toEqual({ text, ids });
        }
        expectOffsets(tokenizer, text, covering.includes(name));
      }
    });
  }
});

test("units of offsets: the same places in UTF-16, code points and bytes", () => {
  const tokenizer = parseTokenizer(readFileSync(join(committedFixtures, "gpt2.tokenizer.json"), "utf8"));
  for (let seed = 0; seed < RUNS; seed++) {
    const text = randomUtf8(seed);
    const { offsets } = tokenizer.encodeWithOffsets(text);
    const codePoints = Array.from(offsets, (at) => [...text.slice(0, at)].length);
    const bytes = Array.from(offsets, (at) => new TextEncoder().encode(text.slice(0, at)).length);
    expect([...tokenizer.encodeWithOffsets(text, { unit: "codePoint" }).offsets]).toEqual(codePoints);
    expect([...tokenizer.encodeWithOffsets(text, { unit: "byte" }).offsets]).toEqual(bytes);
  }
});
