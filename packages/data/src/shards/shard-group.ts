import { permutation } from "../random.ts";
import type { LoaderSettings } from "./loader-options.ts";
import { type Shard, shardSet } from "./open-shards.ts";

/** Documents of some shards in the order that an epoch draws, in memory. D documents, without the empty ones. */
export interface ShardGroup {
  /** [D] tokens of each. */
  readonly lengths: Uint32Array;
  /** [D] weight of each; absent where the set has none. */
  readonly weights?: Float32Array;
  /** Write `length` ids of a document from `offset` on into `out` at `at`. */
  copy(document: number, offset: number, length: number, out: Int32Array, at: number): void;
}

/** What an epoch draws has a stream of random numbers of its own: its shards, and each group's documents and rows. */
const STREAMS_OF_GROUP = 2;
const STREAMS_OF_EPOCH = 2 ** 22;

/** The numbers 0 to `length` - 1 in the order drawn for `what` of a group, or as they are. */
export function drawOrder(
  length: number,
  { seed, shuffle }: Pick<LoaderSettings, "seed" | "shuffle">,
  { epoch, group, what }: { epoch: number; group: number; what: "shards" | "documents" | "rows" },
): Uint32Array {
  if (!shuffle) return Uint32Array.from({ length }, (_, i) => i);
  const within = what === "shards" ? 0 : 1 + STREAMS_OF_GROUP * group + (what === "rows" ? 1 : 0);
  return permutation(length, { seed, stream: epoch * STREAMS_OF_EPOCH + within });
}

/**
 * Reads a group's shards, as the epoch deals them, and draws the order of their documents.
 * @throws ShardError naming the file that is missing, torn or changed.
 */
export async function loadGroup(settings: LoaderSettings, epoch: number, group: number): Promise<ShardGroup> {
  const { directory, index, verify, groupShards } = settings;
  const order = drawOrder(index.shards.length, settings, { epoch, group, what: "shards" });
  const set = shardSet(directory, index, verify);
  const shards: Shard[] = [];
  for (const shard of order.subarray(group * groupShards, (group + 1) * groupShards))
    shards.push(await set.read(shard));
  return arrange(shards, (length) => drawOrder(length, settings, { epoch, group, what: "documents" }));
}

function arrange(shards: readonly Shard[], draw: (length: number) => Uint32Array): ShardGroup {
  const counts = shards.map(({ starts }) =>
    starts.reduce((sum, start, d) => sum + (d > 0 && start > starts[d - 1]! ? 1 : 0), 0),
  );
  const D = counts.reduce((sum, count) => sum + count, 0);
  const places = draw(D);
  const [lengths, offsets, shardOf] = [new Uint32Array(D), new Uint32Array(D), new Uint32Array(D)];
  const weights = shards.some((shard) => shard.weights !== undefined) ? new Float32Array(D) : undefined;
  let next = 0;
  shards.forEach(({ starts, weights: own }, s) => {
    for (let d = 0; d + 1 < starts.length; d++) {
      const length = starts[d + 1]! - starts[d]!;
      if (length === 0) continue;
      const place = places[next++]!;
      lengths[place] = length;
      offsets[place] = starts[d]!;
      shardOf[place] = s;
      if (weights) weights[place] = own?.[d] ?? 1;
    }
  });
  return {
    lengths,
    ...(weights ? { weights } : {}),
    copy(document, offset, length, out, at) {
      const from = offsets[document]! + offset;
      out.set(shards[shardOf[document]!]!.tokens.subarray(from, from + length), at);
    },
  };
}
