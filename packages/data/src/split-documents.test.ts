import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { EmptyDataError } from "./empty-data-error.ts";
import { splitDocuments } from "./split-documents.ts";

const documents = (count: number): { text: string; source: string }[] =>
  Array.from({ length: count }, (_, i) => ({ text: `document ${i}`, source: `${i}` }));
const sources = (list: readonly { source: string }[]): string[] => list.map(({ source }) => source).sort();

test("the share is met, each document is on one side, other fields are kept", () => {
  const all = documents(5000);
  const { train, validation } = splitDocuments(all, { validationFraction: 0.1, seed: 4 });
  expect(Math.abs(validation.length - 500)).toBeLessThan(90); // four standard deviations
  expect(sources([...train, ...validation])).toEqual(sources(all));
});

test("order and other documents move none across", () => {
  const options = { validationFraction: 0.3, seed: 1 };
  const small = splitDocuments(documents(100), options);
  const large = splitDocuments(documents(1000).reverse(), options);
  const largeValidation = new Set(sources(large.validation));
  for (const { source } of small.validation) expect(largeValidation.has(source)).toBe(true);
  for (const { source } of small.train) expect(largeValidation.has(source)).toBe(false);
});

test("copies of a text stay together, another seed chooses otherwise", () => {
  const twice = [...documents(50), ...documents(50)];
  const { train, validation } = splitDocuments(twice, { validationFraction: 0.5 });
  const trained = new Set(train.map(({ text }) => text));
  expect(validation.some(({ text }) => trained.has(text))).toBe(false);
  const other = splitDocuments(twice, { validationFraction: 0.5, seed: 1 });
  expect(sources(other.validation)).not.toEqual(sources(validation));
});

test("neither side is ever empty", () => {
  for (let seed = 0; seed < 50; seed++) {
    for (const validationFraction of [0.001, 0.999]) {
      const { train, validation } = splitDocuments(documents(3), { validationFraction, seed });
      expect([train.length > 0, validation.length > 0, train.length + validation.length]).toEqual([true, true, 3]);
    }
  }
});

test("one document is cut at a near line break, never inside a character", () => {
  const text = `${"line\n".repeat(20)}tail`;
  const { train, validation } = splitDocuments([{ text }], { validationFraction: 0.2 });
  expect(train[0]!.text).toBe("line\n".repeat(16));
  expect(train[0]!.text + validation[0]!.text).toBe(text);
  const emoji = splitDocuments([{ text: "😀".repeat(5) }], { validationFraction: 0.5 });
  expect(emoji.train[0]!.text).toBe("😀😀");
});

test("nothing to split and a fraction that is none are named", () => {
  expect(() => splitDocuments([], { validationFraction: 0.1 })).toThrow(EmptyDataError);
  expect(() => splitDocuments([{ text: "a" }], { validationFraction: 0.1 })).toThrow(/one document of 1 char/);
  expect(() => splitDocuments([{ text: "a" }, { text: "a" }], { validationFraction: 0.1 })).toThrow(/2 copies/);
  expect(() => splitDocuments(documents(2), { validationFraction: 1 })).toThrow(OutOfRangeError);
});
