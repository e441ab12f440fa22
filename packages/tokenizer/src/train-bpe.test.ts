import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { charOfByte } from "./byte-alphabet.ts";
import { type TrainBpeOptions, trainBpe } from "./train-bpe.ts";
import type { TrainProgress } from "./training/train-options.ts";

/** Merges by the rule alone: count all pairs anew each time, take the highest count, ties to the smallest ids. */
function naiveMerges(texts: readonly string[], specials: readonly string[], steps: number): string[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => charOfByte(byte)).sort((a, b) => (a < b ? -1 : 1));
  const tokens = [...specials, ...bytes];
  let words = texts.map((text) =>
    Array.from(new TextEncoder().encode(text), (byte) => tokens.indexOf(charOfByte(byte))),
  );
  const merges: string[] = [];
  for (let step = 0; step < steps; step++) {
    const counts = new Map<string, number>();
    for (const word of words) {
      word.slice(1).forEach((right, i) => {
        const key = `${word[i]} ${right}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      });
    }
    const pairs = [...counts].map(([key, count]) => [...key.split(" ").map(Number), count] as [number, number, number]);
    const [best] = pairs.sort((x, y) => y[2] - x[2] || x[0] - y[0] || x[1] - y[1]);
    if (best === undefined) break;
    const merged = tokens.push(tokens[best[0]]! + tokens[best[1]]!) - 1;
    merges.push(`${tokens[best[0]]} ${tokens[best[1]]}`);
    words = words.map((word) => mergePair(word, best[0], best[1], merged));
  }
  return merges;
}

function mergePair(word: readonly number[], left: number, right: number, merged: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === left && word[i + 1] === right) {
      out.push(merged);
      i++;
    } else out.push(word[i]!);
  }
  return out;
}

const mergesOf = (json: string): string[] =>
  (JSON.parse(json) as { model: { merges: [string, string][] } }).model.merges.map((pair) => pair.join(" "));

/** Words of few letters: many ties, many runs such as "aaaa". */
function randomWords(seed: number): string[] {
  let state = seed + 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % bound;
  };
  return Array.from({ length: 30 }, () => Array.from({ length: 1 + below(12) }, () => "aaabé"[below(5)]).join(""));
}

test("merges are those of counting anew at every step, ties and runs included", () => {
  for (let seed = 0; seed < 25; seed++) {
    const texts = randomWords(seed);
    const options = { vocabSize: 1 + 256 + 40, specialTokens: ["<s>"], preTokenizer: "gpt2" } as const;
    expect(mergesOf(trainBpe(texts, options).toJson())).toEqual(naiveMerges(texts, ["<s>"], 40));
  }
});

test("ids: special tokens first, then bytes by their stand-ins, then merges", () => {
  const tokenizer = trainBpe(["low lower lowest"], { vocabSize: 260, specialTokens: ["<s>", "</s>"] });
  expect(["<s>", "</s>", "!", "~", "¡", "Ā", "Ġ"].map((token) => tokenizer.idOf(token))).toEqual([
    0, 1, 2, 95, 96, 190, 222,
  ]);
  expect([tokenizer.tokenOf(258), tokenizer.tokenOf(259)]).toEqual(["lo", "low"]);
  expect([tokenizer.vocabSize, tokenizer.specialTokens]).toEqual([260, ["<s>", "</s>"]]);
});

test("a special token that is a byte's stand-in shares its id", () => {
  const tokenizer = trainBpe(["a b"], { vocabSize: 256, specialTokens: ["!"] });
  expect([tokenizer.vocabSize, tokenizer.idOf("!"), tokenizer.idOf('"')]).toEqual([256, 0, 1]);
  expect(Array.from(tokenizer.encode("a!"))).toEqual([tokenizer.idOf("a"), 0]);
});

test("a text that spells a special token merges to its id", () => {
  const tokenizer = trainBpe(Array(9).fill("ab"), { vocabSize: 258, specialTokens: ["ab"] });
  expect(mergesOf(tokenizer.toJson())).toEqual(["a b"]);
  expect(tokenizer.vocabSize).toBe(257);
});

test("texts may be a generator, and no word spans two texts", () => {
  function* texts(): Generator<string> {
    yield "ab";
    yield "ab";
  }
  expect(mergesOf(trainBpe(texts(), { vocabSize: 300 }).toJson())).toEqual(["a b"]);
});

test("minFrequency ends training, and so does a text without pairs left", () => {
  const texts = ["ab ab ab cd cd ef"];
  const count = (minFrequency: number): number =>
    mergesOf(trainBpe(texts, { vocabSize: 400, minFrequency }).toJson()).length;
  // "ab" 3, " ab" 2, "cd" 2 + " cd" 2, "ef" 1 + " ef" 1
  expect([count(1), count(2), count(3), count(4)]).toEqual([6, 4, 1, 0]);
});

test("lone surrogates count as U+FFFD", () => {
  const [lone, replaced] = ["a\ud800b", "a\ufffdb"].map((text) => trainBpe([text], { vocabSize: 260 }).toJson());
  expect(lone).toBe(replaced);
});

test("progress tells of texts, then of tokens up to the last", () => {
  const seen: TrainProgress[] = [];
  const texts = Array.from({ length: 512 }, (_, i) => `word${i} text${i * 7}`);
  trainBpe(texts, { vocabSize: 300, onProgress: (progress) => seen.push(progress) });
  expect(seen).toEqual([
    { stage: "count", texts: 256 },
    { stage: "count", texts: 512 },
    { stage: "merge", tokens: 300, vocabSize: 300 },
  ]);
});

test("wrong options and texts without a word are named", () => {
  const train = (options: Partial<TrainBpeOptions>, texts = ["text"]) =>
    trainBpe(texts, { vocabSize: 300, ...options });
  expect(() => train({ vocabSize: 255 })).toThrow(OutOfRangeError);
  expect(() => train({ vocabSize: 256, specialTokens: ["<s>"] })).toThrow(/vocabSize: expected an integer in \[257/);
  expect(() => train({ vocabSize: 300.5 })).toThrow(/vocabSize/);
  expect(() => train({ minFrequency: -1 })).toThrow(/minFrequency/);
  expect(() => train({ specialTokens: ["a", "a"] })).toThrow(ConfigError);
  expect(() => train({ specialTokens: [""] })).toThrow(/an empty string/);
  const misspelt = { preTokenizer: "gpt-2" } as unknown as Partial<TrainBpeOptions>;
  expect(() => train(misspelt)).toThrow(/Did you mean "gpt2"/);
  expect(() => train({}, [])).toThrow(/at least one text that is not empty/);
  expect(() => train({}, ["", ""])).toThrow(OutOfRangeError);
});
