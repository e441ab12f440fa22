import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@ds3/data";
import { createLoader, createShardWriter, openShards } from "@ds3/data/node";
import { median } from "../../figure.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { timed } from "./timing.ts";

/** Ids below it take four bytes. */
const VOCAB_SIZE = 128_815;
const DOCUMENTS = 12_000;
const LONGEST = 4096;
const SHARD_TOKENS = 2 ** 22;
const REPEATS = 3;
const [ROW, ROWS] = [4096, 4];

/** Writing shards with checksums and syncs, and batches of one epoch in shuffled order, made in the loader's thread. */
export async function* benchShards({ scratch }: TextInput): AsyncGenerator<CpuFigure> {
  const random = createRandom({ seed: 1 });
  const documents = Array.from({ length: DOCUMENTS }, () =>
    Int32Array.from({ length: 1 + random.below(LONGEST) }, () => random.below(VOCAB_SIZE)),
  );
  const tokens = documents.reduce((sum, { length }) => sum + length, 0);
  const megabytes = (4 * tokens) / 1e6;
  const folder = join(scratch, "shards");
  const size = `${(tokens / 1e6).toFixed(0)} M tokens of four bytes in ${DOCUMENTS} documents`;
  const writing: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    await rm(folder, { recursive: true, force: true });
    writing.push(await timed(() => write(folder, documents)));
  }
  yield { name: "data.shards.write", value: megabytes / median(writing), unit: "MB/s", note: size };
  for (const packing of ["stream", "best-fit"] as const) {
    const loading: number[] = [];
    for (let i = 0; i < REPEATS; i++) loading.push(await timed(() => load(folder, packing)));
    const speed = median(loading);
    const note = `${(tokens / 1e6 / speed).toFixed(0)} M tokens/s, batches of ${ROWS} x ${ROW}, opening and start included`;
    yield { name: `data.shards.load.${packing}`, value: megabytes / speed, unit: "MB/s", note };
  }
}

async function write(folder: string, documents: readonly Int32Array[]): Promise<void> {
  const writer = await createShardWriter(folder, { vocabSize: VOCAB_SIZE, shardTokens: SHARD_TOKENS });
  for (const ids of documents) await writer.add(ids);
  await writer.finish();
}

async function load(folder: string, packing: "stream" | "best-fit"): Promise<void> {
  const shards = await openShards(folder);
  await using loader = createLoader({ shards, sequenceLength: ROW, batchSize: ROWS, packing, epochs: 1 });
  while (!(await loader.next()).done);
}
