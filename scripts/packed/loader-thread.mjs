import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../lib/run.mjs";

/** A program that writes shards and takes batches with a thread and without one; it throws when they differ. */
const program = `
import assert from "node:assert/strict";
import { createLoader, createShardWriter, openShards } from "@ds3/data/node";

const writer = await createShardWriter("shards", { vocabSize: 100, shardTokens: 64 });
for (let d = 0; d < 40; d++) await writer.add(Array.from({ length: 1 + (d % 17) }, (_, i) => (d + i) % 100));
await writer.finish();
const options = { shards: await openShards("shards"), sequenceLength: 8, batchSize: 3, documentMask: true, epochs: 2 };
const taken = await Promise.all([0, 3].map(async (prefetch) => {
  const batches = [];
  for await (const batch of createLoader({ ...options, prefetch })) batches.push(batch);
  return batches;
}));
assert(taken[0].length > 10);
assert.deepEqual(taken[0], taken[1]);
`;

/** Throws when the loader of an installed @ds3/data does not run its thread there; the process must end by itself. */
export async function checkLoaderThread(home) {
  await writeFile(join(home, "loader-thread.mjs"), program);
  await run(process.execPath, ["loader-thread.mjs"], { cwd: home, timeout: 60_000, label: "loader-thread.mjs" });
}
