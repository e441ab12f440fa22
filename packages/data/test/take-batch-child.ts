/** Takes one batch of the set in a folder, with a thread that is left to itself, and prints its first id. */
import { createLoader } from "../src/shards/create-loader.ts";
import { openShards } from "../src/shards/open-shards.ts";

const loader = createLoader({
  shards: await openShards(process.argv[2]!),
  sequenceLength: 8,
  batchSize: 2,
  shuffle: false,
});
const { value } = await loader.next();
process.stdout.write(`${value!.inputs[0]}`);
