import { ConfigError, FormatError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { trainWordPiece } from "./train-word-piece.ts";

const SPECIALS = ["[UNK]", "[CLS]", "[SEP]"];

/** Words of few letters, from a small generator. */
function randomWords(seed: number): string[] {
  let state = seed + 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % bound;
  };
  return Array.from({ length: 40 }, () => Array.from({ length: 1 + below(9) }, () => "aaabbcd中"[below(8)]).join(""));
}

/** The vocabulary by the rule alone: all scores anew at every step, the highest first, ties to the smallest ids. */
function naiveVocab(words: readonly string[], vocabSize: number, minFrequency: number): string[] {
  const pieces = words.flatMap((word) => word.split(/(中)/u)).filter((word) => word !== "");
  const characters = [...new Set(pieces.join(""))].sort();
  const inside = [...new Set(pieces.flatMap((word) => [...word].slice(1)))].sort();
  const tokens = [...SPECIALS, ...characters, ...inside.map((char) => `##${char}`)];
  let spelled = pieces.map((word) => [...word].map((char, i) => tokens.indexOf(i === 0 ? char : `##${char}`)));
  while (tokens.length < vocabSize) {
    const symbols = new Map<number, number>();
    const pairs = new Map<string, number>();
    for (const word of spelled) {
      word.forEach((id, i) => {
        symbols.set(id, (symbols.get(id) ?? 0) + 1);
        if (i > 0) pairs.set(`${word[i - 1]} ${id}`, (pairs.get(`${word[i - 1]} ${id}`) ?? 0) + 1);
      });
    }
    const scored = [...pairs]
      .filter(([, count]) => count >= minFrequency)
      .map(([key, count]) => {
        const [a, b] = key.split(" ").map(Number) as [number, number];
        return { a, b, score: count / (symbols.get(a)! * symbols.get(b)!) };
      })
      .sort((x, y) => y.score - x.score || x.a - y.a || x.b - y.b);
    const best = scored[0];
    if (best === undefined) break;
    const token = tokens[best.a]! + tokens[best.b]!.slice(2);
    const id = tokens.indexOf(token) >= 0 ? tokens.indexOf(token) : tokens.push(token) - 1;
    spelled = spelled.map((word) => {
      const out: number[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === best.a && word[i + 1] === best.b) {
          out.push(id);
          i++;
        } else out.push(word[i]!);
      }
      return out;
    });
  }
  return tokens;
}

const vocabOf = (json: string): string[] => {
  const { vocab } = (JSON.parse(json) as { model: { vocab: Record<string, number> } }).model;
  return Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!);
};

test.each([0, 1, 3])("the vocabulary is that of scoring anew at every step, minFrequency %i", (minFrequency) => {
  for (let seed = 0; seed < 30; seed++) {
    const words = randomWords(seed);
    const trained = trainWordPiece([words.join(" ")], { vocabSize: 45, specialTokens: SPECIALS, minFrequency });
    expect(vocabOf(trained.toJson())).toEqual(naiveVocab(words, 45, Math.max(1, minFrequency)));
  }
});

test("it encodes as BERT does and comes back from its file", () => {
  const tokenizer = trainWordPiece(["the lowest newest widest, the lower newer wider"], { vocabSize: 60 });
  const again = parseTokenizer(tokenizer.toJson());
  expect(again.toJson()).toBe(tokenizer.toJson());
  const { ids } = again.encodeWithOffsets("The NEWEST!");
  expect(Array.from(ids, (id) => again.tokenOf(id))[0]).toBe("[CLS]");
  expect(again.decode(again.encode("lowest newer"), { skipSpecialTokens: true })).toBe("lowest newer");
  expect(again.tokenOf(again.encode("!", { addSpecialTokens: false })[0]!)).toBe("[UNK]");
});

test("the rarest characters are left out of a limited alphabet", () => {
  const tokenizer = trainWordPiece(["aaa bb c"], { vocabSize: 10, limitAlphabet: 2 });
  expect(tokenizer.idOf("a")).toBeDefined();
  expect(tokenizer.idOf("b")).toBeDefined();
  expect(tokenizer.idOf("c")).toBeUndefined();
});

test("options out of range are named", () => {
  const train = (options: object): unknown => trainWordPiece(["some words"], { vocabSize: 100, ...options });
  expect(() => train({ vocabSize: 8 })).toThrow(OutOfRangeError);
  expect(() => train({ vocabSize: 8 })).toThrow(/vocabSize.*limitAlphabet/s);
  expect(() => train({ minFrequency: -1 })).toThrow(/minFrequency/);
  expect(() => train({ limitAlphabet: 0 })).toThrow(/limitAlphabet/);
  expect(() => train({ maxInputCharsPerWord: 0 })).toThrow(/maxInputCharsPerWord/);
  expect(() => train({ specialTokens: ["a", "a"] })).toThrow(ConfigError);
  expect(() => train({ specialTokens: ["[UNK]"] })).toThrow(FormatError);
  expect(() => trainWordPiece([], { vocabSize: 100 })).toThrow(/no word/);
});
