import { createHash } from "node:crypto";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { EmptyDataError } from "../empty-data-error.ts";
import { LONG } from "../packing/pack-best-fit.ts";
import { requireInteger } from "../require-integer.ts";
import { type OptionRules, requireOptions } from "../require-options.ts";
import type { ShardSet } from "./open-shards.ts";

/** Options of `createLoader`. */
export interface LoaderOptions {
  /** From `openShards`. */
  readonly shards: ShardSet;
  /** T, input tokens of a row. */
  readonly sequenceLength: number;
  /** B, rows of a batch of this rank. */
  readonly batchSize: number;
  /** Order of shards, documents and rows. Default 0. */
  readonly seed?: number;
  /** Visit all in an order drawn for each epoch; false: as they were written. Default true. */
  readonly shuffle?: boolean;
  /** Which part of each batch this process takes, of `world` parts. Default 0 of 1. */
  readonly rank?: number;
  readonly world?: number;
  /** "stream": documents end to end, cut into rows; "best-fit": documents whole in rows where they fit. Default "stream". */
  readonly packing?: "stream" | "best-fit";
  /** Best-fit, documents longer than a row: cut into several pieces, or only their beginning is kept. Default "split". */
  readonly long?: "split" | "truncate";
  /** Keep documents apart: no target in another document, positions from 0 in each, segment ids. Default false. */
  readonly documentMask?: boolean;
  /** L, tokens after the inputs: 1 + the MTP depth. Default 1. */
  readonly lookahead?: number;
  /** Fills what is left of rows, where nothing is a target. Default 0. */
  readonly padId?: number;
  /** Stop after so many epochs; rows that the last batch lacks have no targets. Default: never. */
  readonly epochs?: number;
  /** Batches that a worker thread makes ahead; 0: no thread, a batch is made when it is asked for. Default 2. */
  readonly prefetch?: number;
  /** Shards that are in memory and shuffled together. Default 4. */
  readonly groupShards?: number;
}

/** A place in the data: so many rows of a group of shards of an epoch are consumed, by all ranks. Plain JSON. */
export interface LoaderCursor {
  readonly epoch: number;
  readonly group: number;
  readonly row: number;
  /** Digest of data and options that decide the order of rows. */
  readonly plan: string;
}

/** Options with defaults, and what follows from them; can be sent to a thread. */
export interface LoaderSettings
  extends Required<Omit<LoaderOptions, "shards">>,
    Pick<ShardSet, "directory" | "index" | "verify"> {
  readonly groups: number;
  readonly plan: string;
}

const RULES: OptionRules<LoaderOptions> = {
  shards: "any",
  sequenceLength: "any",
  batchSize: "any",
  seed: "any",
  shuffle: "boolean",
  rank: "any",
  world: "any",
  packing: ["stream", "best-fit"],
  long: LONG,
  documentMask: "boolean",
  lookahead: "any",
  padId: "any",
  epochs: "any",
  prefetch: "any",
  groupShards: "any",
};

/** @throws ConfigError, OutOfRangeError for an option that is none; EmptyDataError for a set of fewer than two tokens. */
export function resolveLoaderOptions(given: LoaderOptions): LoaderSettings {
  requireOptions("createLoader", given, RULES);
  const { shards, ...options } = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as LoaderOptions & Record<string, unknown>;
  const { directory, index, verify } = requireShards(shards);
  const order = { seed: 0, shuffle: true, packing: "stream", long: "split", groupShards: 4 } as const;
  const shape = { documentMask: false, lookahead: 1, padId: 0, epochs: Infinity, prefetch: 2, rank: 0, world: 1 };
  const all = { ...order, ...shape, ...options };
  for (const name of ["sequenceLength", "batchSize", "world", "lookahead", "groupShards"] as const)
    requireInteger("createLoader", name, all[name], 1);
  for (const name of ["seed", "padId", "prefetch"] as const) requireInteger("createLoader", name, all[name], 0);
  if (all.epochs !== Infinity) requireInteger("createLoader", "epochs", all.epochs, 1);
  requireInteger("createLoader", "rank", all.rank, 0, all.world - 1);
  if (index.tokens < 2) {
    const details = { operand: directory, expected: "at least two tokens", actual: `${index.tokens}` };
    throw new EmptyDataError({ op: "createLoader", ...details });
  }
  const groups = Math.ceil(index.shards.length / all.groupShards);
  return { ...all, directory, index, verify, groups, plan: planOf(all, shards) };
}

function requireShards(shards: ShardSet | undefined): ShardSet {
  if (typeof shards?.directory === "string" && Array.isArray(shards.index?.shards)) return shards;
  const hint = "Open the folder: createLoader({ shards: await openShards(folder), ... }).";
  const actual = shards === undefined ? "none" : `${typeof shards} of another kind`;
  throw new ConfigError({ op: "createLoader", operand: "shards", expected: "a set of openShards", actual, hint });
}

/** Throws OutOfRangeError for what is no cursor of a loader with these settings; its row is checked when it is read. */
export function requireCursor(
  cursor: unknown,
  { groups, plan, epochs }: LoaderSettings,
): asserts cursor is LoaderCursor {
  const { epoch, group, row, plan: own } = (cursor ?? {}) as Partial<LoaderCursor>;
  if (own !== plan) throw misplaced("cursor.plan", `${plan}, of these shards and options`, `${own}`);
  const places = { epoch: [epoch, epochs], group: [group, groups - 1], row: [row, Infinity] } as const;
  for (const [name, [value, most]] of Object.entries(places)) {
    if (Number.isSafeInteger(value) && value! >= 0 && value! <= most) continue;
    throw misplaced(`cursor.${name}`, `an integer from 0 to ${most}`, `${value}`);
  }
}

/** The error for a cursor that does not fit. */
export function misplaced(operand: string, expected: string, actual: string): OutOfRangeError {
  const hint = "A cursor belongs to one shard set, its options and its seed.";
  return new OutOfRangeError({ op: "seek", operand, expected, actual, hint });
}

function planOf(
  options: Pick<LoaderSettings, "sequenceLength" | "seed" | "shuffle" | "packing" | "long" | "groupShards">,
  { index }: ShardSet,
): string {
  const { sequenceLength, seed, shuffle, packing, long, groupShards } = options;
  const shards = index.shards.map(({ sha256 }) => [sha256.tokens, sha256.documents]);
  const parts = [shards, sequenceLength, seed, shuffle, packing, packing === "best-fit" && long, groupShards];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
