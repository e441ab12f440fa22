import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { EmptyDataError } from "./empty-data-error.ts";
import { packDocuments, packTokens } from "./pack-tokens.ts";

test("documents are joined with their ids around them, empty ones left out", () => {
  const packed = packTokens([[5, 6], [], [7]], { bosId: 1, eosId: 2 });
  expect([...packed.tokens]).toEqual([1, 5, 6, 2, 1, 7, 2]);
  expect([...packed.documentStarts]).toEqual([0, 4]);
});

test("id 0 is a bos like any other, and none is added unasked", () => {
  expect([...packTokens([[5]], { bosId: 0 }).tokens]).toEqual([0, 5]);
  expect([...packTokens([[5], [6]]).tokens]).toEqual([5, 6]);
});

test("many documents outgrow the first buffer", () => {
  const documents = Array.from({ length: 300 }, (_, d) => Int32Array.from({ length: 1000 }, (_, i) => d * 1000 + i));
  const { tokens, documentStarts } = packTokens(documents);
  expect(tokens).toEqual(Int32Array.from({ length: 300_000 }, (_, i) => i));
  expect(documentStarts).toEqual(Int32Array.from({ length: 300 }, (_, d) => d * 1000));
});

test("documents may come one by one, and are encoded by the caller's function", async () => {
  async function* documents(): AsyncGenerator<{ text: string }> {
    yield { text: "ab" };
    yield { text: "c" };
  }
  const encode = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));
  const packed = await packDocuments(documents(), encode, { eosId: 3 });
  expect([...packed.tokens]).toEqual([97, 98, 3, 99, 3]);
});

test("weights stay with their documents, and are left out where all are 1", async () => {
  const packed = packTokens([[5, 6], [], [7]], { weights: [0.5, 9, 2] });
  expect([...packed.weights!]).toEqual([0.5, 2]);
  expect(packTokens([[5], [6]], { weights: [1, 1] })).not.toHaveProperty("weights");
  const encode = (text: string): number[] => [text.length];
  const documents = [{ text: "a", weight: 3 }, { text: "b" }, { text: "c", weight: 0 }];
  expect([...(await packDocuments(documents, encode)).weights!]).toEqual([3, 1, 0]);
  expect(await packDocuments([{ text: "a" }], encode)).not.toHaveProperty("weights");
});

test.each([-1, Number.NaN, 1e39, undefined])("a weight of %s is refused", async (weight) => {
  const weights = [1, weight] as number[];
  const message = `packTokens: document 1, weight: expected a finite number >= 0, got ${weight}.`;
  expect(() => packTokens([[1], [2]], { weights })).toThrow(message);
});

test("nothing to pack and ids out of range are named", async () => {
  expect(() => packTokens([[], []])).toThrow(EmptyDataError);
  await expect(packDocuments([], () => [])).rejects.toThrow(EmptyDataError);
  expect(() => packTokens([[1], [2, -100]])).toThrow(OutOfRangeError);
  expect(() => packTokens([[1], [2, -100]])).toThrow(/document 1, id 1: .* got -100/);
});
