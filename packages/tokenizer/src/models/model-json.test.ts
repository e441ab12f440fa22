import { FormatError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { modelsFixture } from "../../test/models-fixture.ts";
import { IntBuffer } from "../growable.ts";
import type { Json } from "../json-reader.ts";
import type { Model } from "../model.ts";
import { UnsupportedTokenizerError } from "../unsupported-tokenizer-error.ts";
import { parseModel } from "./model-json.ts";
import { createTokenSpans } from "./token-spans.ts";

const random = (): number => 0;

function idsOf(model: Model, text: string, from = 0, to: number = text.length): number[] {
  const out = new IntBuffer(4);
  model.encodePiece(text, from, to, out);
  return [...out.toArray()];
}

/** Ids and ranges in code points. */
function spansOf(model: Model, text: string): readonly [number[], number[]] {
  const out = createTokenSpans();
  model.encodeSpans(text, 0, text.length, out);
  const codePoint = (unit: number): number => [...text.slice(0, unit)].length;
  const starts = [...out.starts.toArray()].map(codePoint);
  const ends = [...out.ends.toArray()].map(codePoint);
  return [[...out.ids.toArray()], starts.flatMap((start, i) => [start, ends[i]!])];
}

test.each(modelsFixture.models.map((entry) => [entry.name, entry] as const))("ids and spans of HF: %s", (_, entry) => {
  const { model } = parseModel(entry.model, { byteLevel: entry.byteLevel, random });
  const { texts } = modelsFixture;
  // Twice: the second time from the cache.
  for (const pass of ["first", "second"]) {
    texts.forEach((text, i) => {
      if (text === "") return; // HF gives an empty text no piece at all
      const [ids, offsets] = entry.rows[i]!;
      expect(idsOf(model, text), `${pass} ${JSON.stringify(text)}`).toEqual(ids);
      expect(spansOf(model, text), `${pass} spans ${JSON.stringify(text)}`).toEqual([ids, offsets]);
    });
  }
});

test("a piece inside a longer text has the ids and spans of the piece alone, moved", () => {
  for (const entry of modelsFixture.models) {
    const { model } = parseModel(entry.model, { byteLevel: entry.byteLevel, random });
    for (const text of modelsFixture.texts.slice(-6)) {
      const alone = createTokenSpans();
      const inside = createTokenSpans();
      model.encodeSpans(text, 0, text.length, alone);
      model.encodeSpans(`🙂lo${text}w`, 4, 4 + text.length, inside);
      expect([...inside.ids.toArray()]).toEqual([...alone.ids.toArray()]);
      expect([...inside.starts.toArray()]).toEqual([...alone.starts.toArray()].map((start) => start + 4));
      expect([...inside.ends.toArray()]).toEqual([...alone.ends.toArray()].map((end) => end + 4));
      expect(idsOf(model, `🙂lo${text}w`, 4, 4 + text.length)).toEqual([...alone.ids.toArray()]);
    }
  }
});

test("a model is written as HF writes it, to the byte", () => {
  for (const written of modelsFixture.written) {
    expect(parseModel(JSON.parse(written) as Json, { byteLevel: false, random }).write()).toBe(written);
  }
  for (const { model, byteLevel } of modelsFixture.models) {
    expect(JSON.parse(parseModel(model, { byteLevel, random }).write())).toEqual(model);
  }
});

test("of a pair listed twice the last place counts and is written", () => {
  const vocab = { a: 0, b: 1, ab: 2, ba: 3 };
  const merges = [
    ["a", "b"],
    ["b", "a"],
    ["a", "b"],
  ];
  const part = parseModel({ type: "BPE", vocab, merges }, { byteLevel: false });
  expect(idsOf(part.model, "aba")).toEqual([0, 3]);
  expect(JSON.parse(part.write())).toMatchObject({
    merges: [
      ["b", "a"],
      ["a", "b"],
    ],
  });
});

test("merges as strings, fields left out and a missing type mean what they mean in HF", () => {
  const vocab = { a: 0, b: 1, ab: 2 };
  const { model, type, settings } = parseModel({ vocab, merges: ["#version: 0.2", "a b"] }, { byteLevel: false });
  expect([type, settings.byte_fallback, idsOf(model, "abba")]).toEqual(["BPE", false, [2, 1, 0]]);
  expect(parseModel({ vocab, unk_token: "a" }, { byteLevel: false }).type).toBe("WordLevel");
  expect(parseModel({ vocab: [["a", 0]] }, { byteLevel: false }).type).toBe("Unigram");
  const wordPiece = { vocab, unk_token: "a", continuing_subword_prefix: "", max_input_chars_per_word: 9 };
  expect(parseModel(wordPiece, { byteLevel: false }).type).toBe("WordPiece");
});

test.each<[string, Json]>([
  ["model.type", { type: "Markov" }],
  ["model.speed", { type: "WordLevel", vocab: {}, unk_token: "a", speed: 2 }],
  ["model.dropout", { type: "BPE", vocab: {}, merges: [], dropout: 0.5 }],
])("what is not known is refused by name: %s", (operand, json) => {
  expect(() => parseModel(json, { byteLevel: false })).toThrow(UnsupportedTokenizerError);
  expect(() => parseModel(json, { byteLevel: false })).toThrow(operand);
});

test.each<[string, Json]>([
  ["model", "BPE"],
  ["model.vocab", { type: "BPE", vocab: { a: 1, b: 1 }, merges: [] }],
  ['model.vocab["a"]', { type: "WordLevel", vocab: { a: 1.5 }, unk_token: "a" }],
  ["model.merges[0]", { type: "BPE", vocab: { a: 1, b: 2 }, merges: [["a", "b"]] }],
  ["model.merges[0]", { type: "BPE", vocab: { a: 1, b: 2 }, merges: ["a b c"] }],
  ["model.dropout", { type: "BPE", vocab: {}, merges: [], dropout: 2 }],
  ["model.fuse_unk", { type: "BPE", vocab: {}, merges: [], fuse_unk: "yes" }],
  ["model.unk_token", { type: "WordPiece", vocab: {}, continuing_subword_prefix: "", max_input_chars_per_word: 1 }],
  ["model.unk_id", { type: "Unigram", vocab: [["a", 0]], unk_id: 1 }],
  [
    "model.vocab[1][1]",
    {
      type: "Unigram",
      vocab: [
        ["a", 0],
        ["b", "1"],
      ],
    },
  ],
])("a malformed field is named: %s", (operand, json) => {
  expect(() => parseModel(json, { byteLevel: false })).toThrow(FormatError);
  expect(() => parseModel(json, { byteLevel: false })).toThrow(`parseTokenizer: ${operand}: `);
});

test.each<[string, Json]>([
  ["BPE", { type: "BPE", vocab: { a: 0 }, merges: [], unk_token: "?" }],
  [
    "WordPiece",
    { type: "WordPiece", vocab: { a: 0 }, unk_token: "?", continuing_subword_prefix: "", max_input_chars_per_word: 9 },
  ],
  ["WordLevel", { type: "WordLevel", vocab: { a: 0 }, unk_token: "?" }],
  ["Unigram", { type: "Unigram", vocab: [["a", 0]], unk_id: null }],
])(
  "unknown text without a token for it is an error each time, and known text works before and after: %s",
  (_, json) => {
    const { model } = parseModel(json, { byteLevel: false });
    expect(idsOf(model, "a")).toEqual([0]);
    for (let time = 0; time < 2; time++) expect(() => idsOf(model, "天")).toThrow(OutOfRangeError);
    expect(idsOf(model, "a")).toEqual([0]);
  },
);
