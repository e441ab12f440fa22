/** Shard sets for tests. */
import type { Batch } from "../src/create-batches.ts";
import { createRandom } from "../src/random.ts";
import { createShardWriter } from "../src/shards/create-shard-writer.ts";
import type { LoaderOptions } from "../src/shards/loader-options.ts";
import { openShards, type ShardSet } from "../src/shards/open-shards.ts";

/** A set whose ids count up from 1 over all documents, so that an id says where its token stands. */
export interface CountedSet {
  readonly shards: ShardSet;
  /** Ids of each document; some have none. */
  readonly documents: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

/** Options of `writeCountedSet`. */
export interface CountedSetOptions {
  readonly documents?: number;
  /** Documents have less than this many tokens. */
  readonly longest?: number;
  readonly shardTokens?: number;
  readonly weighted?: boolean;
}

/** Writes documents of random lengths, of which the seed decides, and opens the set. */
export async function writeCountedSet(
  folder: string,
  seed: number,
  { documents: count = 60, longest = 40, shardTokens = 150, weighted = false }: CountedSetOptions = {},
): Promise<CountedSet> {
  const random = createRandom({ seed, stream: 5 });
  let next = 1;
  const documents = Array.from({ length: count }, () => Array.from({ length: random.below(longest) }, () => next++));
  const weights = documents.map(() => (weighted ? 1 + random.below(4) / 4 : 1));
  const writer = await createShardWriter(folder, { vocabSize: 2 ** 20, shardTokens });
  for (const [d, ids] of documents.entries()) await writer.add(ids, { weight: weights[d]! });
  await writer.finish();
  return { shards: await openShards(folder), documents, weights };
}

/** Options of a loader of random shape; no thread, so that many can be tried. */
export function randomLoaderOptions(seed: number): Omit<LoaderOptions, "shards"> {
  const random = createRandom({ seed, stream: 6 });
  return {
    sequenceLength: 1 + random.below(30),
    batchSize: 1 + random.below(4),
    lookahead: 1 + random.below(4),
    packing: seed % 2 === 0 ? "stream" : "best-fit",
    documentMask: random.below(2) === 1,
    groupShards: 1 + random.below(4),
    ...{ seed, padId: 0, prefetch: 0 },
  };
}

/** All batches that are left. */
export async function takeAll(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const taken: Batch[] = [];
  for await (const batch of batches) taken.push(batch);
  return taken;
}
