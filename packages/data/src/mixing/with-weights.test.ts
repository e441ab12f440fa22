import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import type { Document } from "../document.ts";
import { createLoader } from "../shards/create-loader.ts";
import { createShardWriter } from "../shards/create-shard-writer.ts";
import { openShards } from "../shards/open-shards.ts";
import { createWeighting, type WeightRule, withWeights } from "./with-weights.ts";

const documents: Document[] = [
  { text: "aaa", source: "a:1", corpus: "old" },
  { text: "bb", source: "b:1", corpus: "new", weight: 2 },
  { text: "cccc", source: "c:1" },
];

async function weighted(rule: WeightRule): Promise<Document[]> {
  const out: Document[] = [];
  for await (const document of withWeights(documents, rule)) out.push(document);
  return out;
}

test("by the name of a corpus; what has no rule keeps its weight, and the document itself", async () => {
  const out = await weighted({ old: 0.25 });
  expect(out).toEqual([{ ...documents[0], weight: 0.25 }, documents[1], documents[2]]);
  expect(out[1]).toBe(documents[1]);
  expect(documents[0]!.weight).toBeUndefined();
});

test("by a function of the document and the weight it had", async () => {
  const out = await weighted(({ text, weight = 1 }) => weight / text.length);
  expect(out.map(({ weight }) => weight)).toEqual([1 / 3, 1, 1 / 4]);
});

test("every position of a batch has the weight of its document, padding none", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { vocabSize: 128 });
  for await (const { text, corpus = "", weight = 1 } of withWeights(documents, { old: 0.25 })) {
    await writer.add(new TextEncoder().encode(text), { corpus, weight });
  }
  await writer.finish();
  const shards = await openShards(folder);
  const order = { shuffle: false, epochs: 1, prefetch: 0 };
  const loader = createLoader({ shards, sequenceLength: 10, batchSize: 1, ...order });
  const { value: batch } = await loader.next();
  const weightOf: Record<string, number> = { a: 0.25, b: 2, c: 1 };
  const wanted = [..."aaabbcccc"].map((letter) => weightOf[letter]!);
  expect([...batch!.inputs.subarray(0, 8)]).toEqual([...new TextEncoder().encode("aaabbccc")]);
  expect([...batch!.weights!]).toEqual([...wanted, 0]);
});

test("weights that are none are named, by corpus or by document", async () => {
  expect(() => createWeighting({ old: -1 })).toThrow('rule["old"]: expected a finite number >= 0, got -1');
  expect(() => createWeighting({})).toThrow(ConfigError);
  expect(() => createWeighting(undefined as never)).toThrow(/rule: expected an object, got undefined/);
  expect(() => createWeighting({ old: "1" } as never)).toThrow(OutOfRangeError);
  await expect(weighted(() => Number.NaN)).rejects.toThrow(OutOfRangeError);
  await expect(weighted(() => 1e300)).rejects.toThrow("weight of a:1");
});
