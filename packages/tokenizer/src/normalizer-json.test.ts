import { FormatError } from "@ds3/errors";
import { Tokenizer } from "tokenizers";
import { describe, expect, it } from "vitest";
import { offsetsOf, readCases, type Span } from "../test/reference-cases.ts";
import { type AlignedText, track } from "./aligned-text.ts";
import type { Json, JsonObject } from "./json-reader.ts";
import { parseNormalizer } from "./normalizer-json.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** Made by scripts/reference/normalizers.py with HF tokenizers: what becomes of the texts, origins in code points. */
interface Cases {
  readonly characterMap: string;
  readonly texts: readonly string[];
  readonly cases: readonly {
    readonly normalizer: JsonObject;
    /** A text that is not here stays as it is; without origins each character has that of the same place. */
    readonly rows: readonly (readonly [text: number, normalized: string, origins?: readonly Span[]])[];
  }[];
}

const { characterMap, texts, cases } = readCases<Cases>("normalizers.cases.json");
const named = cases.map(({ normalizer, rows }) => {
  const json = JSON.stringify(normalizer);
  const expected = texts.map((text, at) => {
    const [, normalized = text, origins] = rows.find((row) => row[0] === at) ?? [];
    return [text, normalized, offsetsOf(origins ?? Array.from(text, () => 1))] as const;
  });
  const whole = JSON.parse(json.replace('"characterMap"', JSON.stringify(characterMap))) as JsonObject;
  return [json, { normalizer: whole, rows: expected }] as const;
});

/** The origin of every code point of a tracked text, in code points of the input. */
function originsOf({ text, origin }: AlignedText, input: string): number[] {
  const codePoint = new Int32Array(input.length + 1);
  let count = 0;
  for (let at = 0; at < input.length; at++) {
    codePoint[at] = count;
    if ((input.charCodeAt(at) & 0xfc00) !== 0xd800) count++;
  }
  codePoint[input.length] = count;
  const out: number[] = [];
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) {
    out.push(codePoint[origin!.starts[at]!]!, codePoint[origin!.ends[at]!]!);
  }
  return out;
}

function normalize(json: Json, input: AlignedText): AlignedText {
  return parseNormalizer(json)?.normalize(input) ?? input;
}

/** Both ways give this text, and the tracked one these origins. */
function check(json: Json, text: string, normalized: string, origins: readonly number[]): void {
  const plain = normalize(json, { text, atStart: true });
  const tracked = normalize(json, track(text));
  expect({ text, normalized: plain.text }).toEqual({ text, normalized });
  expect({ text, normalized: tracked.text }).toEqual({ text, normalized });
  expect({ text, origins: originsOf(tracked, text) }).toEqual({ text, origins });
  expect(plain.origin).toBeUndefined();
  if (normalized !== "") expect({ text, atStart: plain.atStart }).toEqual({ text, atStart: tracked.atStart });
}

describe("normalizers", () => {
  it.each(named)("gives HF's texts and origins: %s", (_, { normalizer, rows }) => {
    for (const row of rows) check(normalizer, ...row);
  });

  it.each(named)("agrees with HF on random texts: %s", async (_, { normalizer }) => {
    const hf = Tokenizer.fromString(JSON.stringify(unknownTokenizer(normalizer)));
    const random = seeded(JSON.stringify(normalizer).length);
    for (let i = 0; i < 120; i++) {
      const text = randomText(random);
      const encoding = await hf.encode(text, null, { addSpecialTokens: false });
      const { text: ours } = normalize(normalizer, { text, atStart: true });
      expect({ text, length: [...ours].length }).toEqual({ text, length: encoding.getLength() });
      check(normalizer, text, hf.getNormalizer()!.normalizeString(text), encoding.getOffsets().flat());
    }
  });

  it.each(named)("keeps origins rising and inside the input: %s", (_, { normalizer, rows }) => {
    for (const [text] of rows) {
      const { origin, text: normalized } = normalize(normalizer, track(text, 7));
      expect(origin!.starts.length).toBe(normalized.length);
      expect(origin!.ends.length).toBe(normalized.length);
      for (let at = 0; at < normalized.length; at++) {
        expect(origin!.starts[at]).toBeGreaterThanOrEqual(7);
        expect(origin!.ends[at]).toBeLessThanOrEqual(7 + text.length);
        expect(origin!.ends[at]).toBeGreaterThanOrEqual(origin!.starts[at]!);
        expect(origin!.starts[at]).toBeGreaterThanOrEqual(origin!.starts[at - 1] ?? 0);
      }
    }
  });
});

describe("atStart", () => {
  it.each([
    [{ type: "Strip", strip_left: true, strip_right: true }, " a", false],
    [{ type: "Strip", strip_left: true, strip_right: true }, "a ", true],
    [{ type: "Nmt" }, "\u0001a", false],
    [{ type: "Nmt" }, "\ta", true],
    [{ type: "Prepend", prepend: "x" }, "a", true],
    [{ type: "Replace", pattern: { String: " " }, content: "_" }, " a", true],
    [{ type: "Replace", pattern: { String: "  " }, content: "_" }, "  a", false],
  ] as const)("says whether the text begins where the input does: %j on %j", (normalizer, text, expected) => {
    expect(normalize(normalizer as unknown as Json, { text, atStart: true }).atStart).toBe(expected);
    expect(normalize(normalizer as unknown as Json, track(text)).atStart).toBe(expected);
    expect(normalize(normalizer as unknown as Json, track(text, 3)).atStart).toBe(false);
  });
});

describe("parseNormalizer", () => {
  it("has none for nothing", () => {
    for (const json of [undefined, null, { type: "Sequence", normalizers: [] }]) {
      expect(parseNormalizer(json)).toBeUndefined();
    }
  });

  it("names what it does not know", () => {
    const json = { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Rot13" }] };
    expect(() => parseNormalizer(json)).toThrow(UnsupportedTokenizerError);
    expect(() => parseNormalizer(json)).toThrow(/normalizer\.normalizers\[1\]\.type.*Rot13/s);
    expect(() => parseNormalizer({ type: "constructor" })).toThrow(UnsupportedTokenizerError);
  });

  it.each<[JsonObject, RegExp]>([
    [{ type: "Strip", strip_left: 1, strip_right: true }, /strip_left/],
    [
      { type: "Replace", pattern: { Glob: "*" }, content: "" },
      /pattern: expected an object with one key, String or Regex/,
    ],
    [{ type: "Replace", pattern: { String: "a", more: 1 }, content: "" }, /pattern: expected an object with one key/],
    [{ type: "Replace", pattern: { String: "a" } }, /content/],
    [{ type: "Prepend" }, /prepend/],
    [{ type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: "no" }, /lowercase/],
    [{ type: "Precompiled", precompiled_charsmap: null }, /precompiled_charsmap/],
    [{ type: "Precompiled", precompiled_charsmap: "no base64" }, /precompiled_charsmap/],
    [{ type: "Precompiled", precompiled_charsmap: "/////w==" }, /precompiled_charsmap/],
    [{ normalizers: [] }, /normalizer\.type/],
  ])("names a malformed part: %j", (json, message) => {
    expect(() => parseNormalizer(json)).toThrow(FormatError);
    expect(() => parseNormalizer(json)).toThrow(message);
  });
});

/** A tokenizer whose tokens are the characters of the normalized text. */
function unknownTokenizer(normalizer: JsonObject): JsonObject {
  const none = { truncation: null, padding: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const options = { dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false };
  const model = { type: "BPE", ...options, unk_token: "?", byte_fallback: false, vocab: { "?": 0 }, merges: [] };
  return { version: "1.0", ...none, added_tokens: [], normalizer, model };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Few kinds of characters, so that they meet: letters, marks, spaces, and any others. */
function randomText(random: () => number): string {
  const kinds: (readonly [from: number, to: number])[] = [
    [0x20, 0x7e],
    [0x09, 0x0d],
    [0x20, 0x21],
    [0xc0, 0x17f],
    [0x300, 0x345],
    [0x370, 0x3ff],
    [0x1e00, 0x1fff],
    [0x1100, 0x11ff],
    [0xac00, 0xac40],
    [0x4e00, 0x4e10],
    [0x900, 0xdff],
    [0x2000, 0x2fff],
    [0x3300, 0x33ff],
    [0xf900, 0xffff],
    [0x1d100, 0x1d7ff],
    [0x11000, 0x11fff],
    [0x1ab0, 0x1aff],
    [0x0, 0x1ffff],
  ];
  const length = 1 + Math.floor(random() * 12);
  let text = "";
  for (let i = 0; i < length; i++) {
    const [from, to] = kinds[Math.floor(random() * kinds.length)]!;
    const code = from + Math.floor(random() * (to - from + 1));
    if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code);
  }
  return text;
}
