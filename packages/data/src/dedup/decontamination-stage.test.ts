import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { isDropped } from "../stage.ts";
import { createDecontaminationStage } from "./decontamination-stage.ts";
import { Shingler } from "./shingler.ts";

const question = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May.";
const chinese = "小明有三个苹果，又买了五个橘子，请问他一共有多少个水果？";
const short = "What is the answer?";
const references = [question, chinese, short].map((text) => ({ text }));

function reasonOf(text: string, options = {}): string | undefined {
  const answer = createDecontaminationStage(references, options).process({ text, source: "s" });
  return isDropped(answer) ? `${answer.reason}: ${answer.detail}` : undefined;
}

test("a document with a run of a reference in it is dropped, however long it is", () => {
  const filler = Array.from({ length: 20_000 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))}`).join(" ");
  const inside = question.toUpperCase().replaceAll(",", " -");
  expect(reasonOf(`${filler} ${inside} ${filler}`)).toBe("decontamination.ngram: 8 runs of 13 tokens >= 1");
  expect(reasonOf(`${filler} 前面的话。${chinese}`)).toMatch(/runs of 13 tokens/);
  expect(reasonOf(filler)).toBeUndefined();
});

test("fewer tokens than a run are no match, nor is the same with a word changed", () => {
  const words = question.split(" ");
  expect(reasonOf(`Once upon a time ${words.slice(0, 12).join(" ")} stop`)).toBeUndefined();
  expect(reasonOf(`Once upon a time ${words.slice(0, 13).join(" ")} stop`)).toBe(
    "decontamination.ngram: 1 runs of 13 tokens >= 1",
  );
  expect(reasonOf(words.map((word, i) => (i % 12 === 6 ? "x" : word)).join(" "))).toBeUndefined();
});

test("a reference shorter than a run matches only itself", () => {
  expect(reasonOf("what is the ANSWER")).toMatch(/1 runs/);
  expect(reasonOf(`He asked: ${short} Nobody knew it, though they had thought about it for years.`)).toBeUndefined();
});

test("matches are counted once each against the bound", () => {
  expect(reasonOf(`${question} ${question}`, { minMatches: 9 })).toBeUndefined();
  expect(reasonOf(`${question} ${question}`, { minMatches: 8 })).toMatch(/8 runs of 13 tokens >= 8/);
  expect(reasonOf("she sold half as many", { ngram: 4 })).toMatch(/2 runs of 4 tokens/);
});

test("with other numbers a question is another one, unless numbers are zeroed", () => {
  const other = question.replace("48", "96");
  expect(reasonOf(other)).toMatch(/: 3 runs/); // those after the number
  expect(reasonOf(other, { minMatches: 4 })).toBeUndefined();
  expect(reasonOf(other, { minMatches: 8, numbers: "zero" })).toMatch(/8 runs/);
});

test("wrong options are refused", () => {
  expect(() => createDecontaminationStage(undefined as never)).toThrow(
    /references: expected an array or another iterable/,
  );
  expect(() => createDecontaminationStage("text" as never)).toThrow(ConfigError);
  expect(() => reasonOf("", { numbers: false })).toThrow(/numbers: expected "keep" or "zero", got false/);
  expect(() => reasonOf("", { ngrams: 3 })).toThrow(/Did you mean "ngram"\?/);
  expect(() => reasonOf("", { ngram: 0 })).toThrow(OutOfRangeError);
  expect(() => reasonOf("", { minMatches: 1.5 })).toThrow(/minMatches/);
  expect(() => reasonOf("", { n: 3 })).toThrow(ConfigError);
});

test("another run with the same 32-bit hash is no match", () => {
  const random = createRandom({ seed: 3 });
  const word = (): string => Array.from({ length: 9 }, () => String.fromCharCode(97 + random.below(26))).join("");
  const words = Array.from({ length: 300_000 }, word); // 10 pairs expected
  const firsts = new Map<number, number>();
  let position = 0;
  let twins: readonly string[] = [];
  new Shingler({ ngram: 1, characterShare: 2 }).each(words.join(" "), (hashes, count) => {
    for (let i = 0; i < count; i++, position++) {
      const twin = firsts.get(hashes[i]!);
      if (twin !== undefined) twins = [words[twin]!, words[position]!];
      firsts.set(hashes[i]!, position);
    }
  });
  const [first, second] = twins;
  const stage = createDecontaminationStage([{ text: first! }], { ngram: 1 });
  expect(isDropped(stage.process({ text: `${first}`, source: "s" }))).toBe(true);
  expect(isDropped(stage.process({ text: `${second}`, source: "s" }))).toBe(false);
});
