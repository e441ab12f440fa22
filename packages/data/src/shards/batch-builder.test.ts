import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { type CountedSet, randomLoaderOptions, takeAll, writeCountedSet } from "../../test/shard-sets.ts";
import { type Batch, createBatches } from "../create-batches.ts";
import { packTokens } from "../pack-tokens.ts";
import { createLoader } from "./create-loader.ts";

const SEEDS = Array.from({ length: 8 }, (_, seed) => seed);

/** Where each id stands: its document's ids. */
const documentOf = ({ documents }: CountedSet, id: number): readonly number[] =>
  documents.find((ids) => ids.length > 0 && ids[0]! <= id && id <= ids.at(-1)!)!;

const inputsOf = (batches: readonly Batch[]): number[] =>
  batches.flatMap(({ inputs }) => [...inputs].filter((id) => id > 0)).sort((a, b) => a - b);

test("an epoch as written and in one group it is what createBatches gives", async () => {
  for (const seed of SEEDS) {
    const { shards, documents, weights } = await writeCountedSet(temporaryFolder(), seed, { weighted: seed % 4 > 1 });
    const options = { ...randomLoaderOptions(seed), shuffle: false, epochs: 1, padId: 9 };
    const packed = packTokens(documents, { weights });
    const expected = [...createBatches({ ...packed, ...options })];
    expect(await takeAll(createLoader({ ...options, shards, groupShards: 99, packing: "stream" }))).toEqual(expected);
  }
});

test("best-fit: every token is an input once, with every target that its document has", async () => {
  for (const seed of SEEDS) {
    const set = await writeCountedSet(temporaryFolder(), seed);
    const options = { ...randomLoaderOptions(seed), packing: "best-fit", documentMask: true, epochs: 1 } as const;
    const batches = await takeAll(createLoader({ ...options, shards: set.shards }));
    expect(inputsOf(batches)).toEqual(set.documents.flat());
    for (const { inputs, targetsByDepth, targetCount } of batches) {
      expect(targetCount).toBe(targetsByDepth[0]!.filter((target) => target !== -100).length);
      inputs.forEach((id, i) => {
        const last = id > 0 ? documentOf(set, id).at(-1)! : 0;
        const wanted = targetsByDepth.map((_, depth) => (id + depth + 1 <= last ? id + depth + 1 : -100));
        expect(targetsByDepth.map((targets) => targets[i])).toEqual(wanted);
      });
    }
  }
});

test("best-fit, truncated: the beginning of every document", async () => {
  const { shards, documents } = await writeCountedSet(temporaryFolder(), 1);
  const options = { sequenceLength: 16, batchSize: 2, epochs: 1, prefetch: 0, packing: "best-fit" } as const;
  const batches = await takeAll(createLoader({ ...options, shards, long: "truncate" }));
  expect(inputsOf(batches)).toEqual(documents.flatMap((ids) => ids.slice(0, 16)));
});

test("stream: every token but the last of each group is an input once, its target the next in the row or none", async () => {
  for (const seed of SEEDS) {
    const set = await writeCountedSet(temporaryFolder(), seed);
    const options = { ...randomLoaderOptions(seed), packing: "stream", documentMask: false, epochs: 1 } as const;
    const batches = await takeAll(createLoader({ ...options, shards: set.shards }));
    const inputs = new Set<number>();
    const [tokens, targeted] = [set.documents.flat(), new Set<number>()];
    for (const batch of batches) {
      batch.inputs.forEach((id, i) => {
        const target = batch.targets[i]!;
        if (target === -100) return;
        expect(inputs.has(id) || targeted.has(target)).toBe(false);
        inputs.add(id);
        targeted.add(target);
        const isWithin = target === id + 1 && documentOf(set, id).includes(target);
        const isBorder = documentOf(set, id).at(-1) === id && documentOf(set, target)[0] === target;
        expect(isWithin || isBorder).toBe(true);
      });
    }
    const groups = Math.ceil(set.shards.index.shards.length / options.groupShards!);
    expect(inputs.size).toBe(tokens.length - groups);
    expect(targeted.size).toBe(tokens.length - groups);
  }
});

test("tokens hold inputs and what comes after; positions and document numbers restart with each document", async () => {
  for (const seed of SEEDS) {
    const set = await writeCountedSet(temporaryFolder(), seed);
    const options = { ...randomLoaderOptions(seed), documentMask: true, epochs: 1 };
    const { sequenceLength: T, lookahead: L = 1 } = options;
    for (const { inputs, tokens, positions, documentIds } of await takeAll(
      createLoader({ ...options, shards: set.shards }),
    )) {
      inputs.forEach((id, i) => {
        const [row, t] = [Math.floor(i / T), i % T];
        if (inputs[row * T] === 0) return; // a row that the last batch lacks
        expect(tokens[row * (T + L) + t]).toBe(id);
        const isSame =
          t > 0 && (id > 0 ? inputs[i - 1] === id - 1 && documentOf(set, id)[0] !== id : inputs[i - 1] === 0);
        expect(positions![i]).toBe(isSame ? positions![i - 1]! + 1 : 0);
        expect(documentIds![i]).toBe(t === 0 ? 0 : documentIds![i - 1]! + (isSame ? 0 : 1));
      });
    }
  }
});

test("weights are the documents' own, 0 for padding, and absent where no document has one", async () => {
  for (const seed of SEEDS.slice(0, 6)) {
    const set = await writeCountedSet(temporaryFolder(), seed, { weighted: true });
    const batches = await takeAll(createLoader({ ...randomLoaderOptions(seed), shards: set.shards, epochs: 1 }));
    for (const { inputs, weights } of batches) {
      const wanted = [...inputs].map((id) => (id > 0 ? set.weights[set.documents.indexOf(documentOf(set, id))]! : 0));
      expect([...weights!]).toEqual(wanted);
    }
  }
  const plain = await writeCountedSet(temporaryFolder(), 1);
  const unweighted = await createLoader({ ...randomLoaderOptions(1), shards: plain.shards }).next();
  expect(unweighted.value!.weights).toBeUndefined();
});
