import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { bytesInAlphabetOrder, charOfByte } from "../byte-alphabet.ts";
import { DEEPSEEK_V3_PATTERNS, GPT2_PATTERN, knownScanner } from "./known-scanner.ts";

/** The part of npm `tokenizers`, HF's Rust code, that is used here. */
interface HfEncoding {
  getWordIds(): number[];
  getOffsets(): [number, number][];
}
interface Hf {
  Tokenizer: { fromString(json: string): { encode(text: string): Promise<HfEncoding> } };
}
const { Tokenizer } = createRequire(import.meta.url)("tokenizers") as Hf;

const ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const cl100k = (digits: string): string =>
  `${ENDINGS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const patterns: Readonly<Record<string, readonly string[]>> = {
  "gpt-2": [GPT2_PATTERN],
  "deepseek-v3": DEEPSEEK_V3_PATTERNS,
  "llama-3": [cl100k("{1,3}")],
  "qwen-2": [cl100k("")],
  "two digits, possessive": [
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,2}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
  ],
  o200k: [
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?" +
      "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?" +
      "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ],
};

/** HF's pieces: tokens of single bytes carry the number of their piece. */
function hfSplitter(regexes: readonly string[]): (text: string) => Promise<string[]> {
  const vocab = Object.fromEntries(bytesInAlphabetOrder().map((byte, id) => [charOfByte(byte), id]));
  const splits = regexes.map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  const tokenizer = Tokenizer.fromString(
    JSON.stringify({
      version: "1.0",
      added_tokens: [],
      pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, byteLevel] },
      decoder: byteLevel,
      model: { type: "BPE", vocab, merges: [] },
    }),
  );
  return async (text) => {
    const encoding = await tokenizer.encode(text);
    const characters = [...text];
    const ends = new Map<number, number>();
    const offsets = encoding.getOffsets();
    for (const [i, word] of encoding.getWordIds().entries()) ends.set(word, offsets[i]![1]);
    let from = 0;
    return [...ends.values()].map((end) => {
      const piece = characters.slice(from, end).join("");
      from = end;
      return piece;
    });
  };
}

function ownPieces(regexes: readonly string[], text: string): string[] {
  const pieces: string[] = [];
  knownScanner(regexes)!.split(text, (from, to) => pieces.push(text.slice(from, to)));
  return pieces;
}

const alphabet = [
  ..."aBzÀéßſǅʰªىक中龥龦のヿ・゙々한𐐀𐐨𝐀𠀀",
  ..."19²Ⅷ１५𝟘",
  ..."'''sStTreEvVlLmMdDſK",
  ..."!._-/$+<。、—𝄞😀©",
  ..."    \n\n\r\t\v\u0085\u00a0\u2028\u3000",
  ..."\u0000\u0001\u200b\u200d\ufeff\ue000\u0378\u3040\u0300\u0301\u20dd\u{31350}\u{323b0}",
];

/** Numbers below `bound` from a small generator: the same texts in every run. */
function below(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

describe.each(Object.entries(patterns))("%s", (_, regexes) => {
  test("pieces of random texts are HF's", async () => {
    const hf = hfSplitter(regexes);
    const pick = below(7);
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: 1 + pick(14) }, () => alphabet[pick(alphabet.length)]!).join("");
      expect({ text, pieces: ownPieces(regexes, text) }).toEqual({ text, pieces: await hf(text) });
    }
  });

  test("every character of the basic plane by itself, before a letter, and after a space", async () => {
    const hf = hfSplitter(regexes);
    for (let code = 0; code < 0x10000; code += 256) {
      const block = Array.from({ length: 256 }, (_, i) => code + i).filter((c) => c < 0xd800 || c > 0xdfff);
      const text = block
        .map((c) => `${String.fromCharCode(c)}\n${String.fromCharCode(c)}a ${String.fromCharCode(c)}1`)
        .join("");
      if (text !== "") expect({ code, pieces: ownPieces(regexes, text) }).toEqual({ code, pieces: await hf(text) });
    }
  });

  test("a scan goes on between any two pieces", () => {
    const { scanner } = knownScanner(regexes)!;
    const bytes = new TextEncoder().encode("It's 12345 中文、\n\n  ok? \u0301!!\n x\t\t y");
    const whole = new Int32Array(100);
    const count = scanner.scan(bytes, 0, bytes.length, whole);
    const single: number[] = [];
    const one = new Int32Array(1);
    for (let at = 0; at < bytes.length; at = one[0]!) {
      expect(scanner.scan(bytes, at, bytes.length, one)).toBe(1);
      single.push(one[0]!);
    }
    expect(single).toEqual([...whole.subarray(0, count)]);
    expect(single.at(-1)).toBe(bytes.length);
  });
});

test("patterns without a scanner have none", () => {
  expect(knownScanner(["\\p{L}+"])).toBeUndefined();
  expect(knownScanner(DEEPSEEK_V3_PATTERNS.slice(1))).toBeUndefined();
});
