/** Writes a set of numbered documents, resuming where it can; says so after each. Arguments: folder, documents, pause. */
import { setTimeout } from "node:timers/promises";
import { createShardWriter } from "../src/shards/create-shard-writer.ts";

const [folder, count, pause] = process.argv.slice(2);
const writer = await createShardWriter(folder!, { vocabSize: 50_000, shardTokens: 100, resume: true });
for (let d = writer.committed.documents; d < Number(count); d++) {
  const ids = Array.from({ length: 1 + ((d * 7919) % 60) }, () => d);
  await writer.add(ids, { cursor: d + 1 });
  process.stdout.write(".");
  if (pause !== undefined) await setTimeout(Number(pause)); // so that the parent can end it in time
}
await writer.finish();
