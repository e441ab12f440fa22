/**
 * The index of a shard set, `index.json`: all that is in the set is named here, all else in the folder is not in it.
 *
 * A shard is two files, little-endian, without headers:
 * - `shard-00000.tokens`: the ids of its documents end to end, `dtype` each.
 * - `shard-00000.documents`: columns of one value a document: tokens u32; weight f32, only where `weighted`; number of its
 *   corpus u16.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ShardError } from "./shard-errors.ts";

/** File name of the index. */
export const INDEX = "index.json";

/** One shard of the index. */
export interface ShardEntry {
  /** File name without extension. */
  readonly name: string;
  readonly tokens: number;
  readonly documents: number;
  /** Its documents have weights. */
  readonly weighted: boolean;
  /** SHA-256 of the two files, in hex. */
  readonly sha256: { readonly tokens: string; readonly documents: string };
}

/** What a corpus has in the set. */
export interface CorpusEntry {
  /** "" for documents without one. */
  readonly name: string;
  readonly documents: number;
  readonly tokens: number;
}

/** The whole index. */
export interface ShardIndex {
  readonly format: "ds3-shards";
  readonly version: 1;
  readonly dtype: "uint16" | "uint32";
  readonly vocabSize: number;
  /** A shard takes no further document that would bring it above so many tokens. */
  readonly shardTokens: number;
  /** False while it is being written. */
  readonly complete: boolean;
  readonly tokens: number;
  readonly documents: number;
  readonly corpora: readonly CorpusEntry[];
  readonly shards: readonly ShardEntry[];
  /** What the writer was given with the last document, to go on from. */
  readonly cursor: unknown;
  /** What the set was made with. */
  readonly settings: unknown;
}

/** Paths of a shard's files. */
export function shardFiles(directory: string, name: string): { readonly tokens: string; readonly documents: string } {
  return { tokens: join(directory, `${name}.tokens`), documents: join(directory, `${name}.documents`) };
}

/** Bytes of a shard's files. */
export function shardBytes(
  { dtype }: Pick<ShardIndex, "dtype">,
  { tokens, documents, weighted }: ShardEntry,
): { readonly tokens: number; readonly documents: number } {
  return { tokens: tokens * (dtype === "uint16" ? 2 : 4), documents: documents * (weighted ? 10 : 6) };
}

/** File name of a shard by its number, without extension. */
export function shardName(number: number): string {
  return `shard-${String(number).padStart(5, "0")}`;
}

/**
 * Reads a folder's index; undefined when it has none.
 * @throws ShardError naming the field for an index that is torn or of another version, or cannot be read.
 */
export async function readIndex(op: string, directory: string): Promise<ShardIndex | undefined> {
  const path = join(directory, INDEX);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new ShardError({ op, operand: path, expected: "a readable file", actual: cause.message, cause });
  });
  return text === undefined ? undefined : checkIndex(op, path, parse(op, path, text));
}

function parse(op: string, path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = "Copy the set again, or build it again.";
    throw new ShardError({ op, operand: path, expected: "JSON", actual: (cause as Error).message, hint, cause });
  }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isHash = (value: unknown): boolean => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const rules: readonly (readonly [keyof ShardIndex, string, (value: unknown) => boolean])[] = [
  ["format", '"ds3-shards"', (value) => value === "ds3-shards"],
  ["version", "1", (value) => value === 1],
  ["dtype", '"uint16" or "uint32"', (value) => value === "uint16" || value === "uint32"],
  ["vocabSize", "a count", isCount],
  ["shardTokens", "a count", isCount],
  ["complete", "true or false", (value) => typeof value === "boolean"],
  ["tokens", "a count", isCount],
  ["documents", "a count", isCount],
  ["corpora", "a list of corpora", (value) => Array.isArray(value) && value.every(isCorpus)],
  ["shards", "a list of shards", (value) => Array.isArray(value) && value.every(isShard)],
];

function checkIndex(op: string, path: string, value: unknown): ShardIndex {
  const index = (value ?? {}) as ShardIndex;
  const fail = (field: string, expected: string, actual: unknown): ShardError =>
    new ShardError({ op, operand: `${path}, ${field}`, expected, actual: JSON.stringify(actual) ?? "nothing" });
  for (const [field, expected, holds] of rules) if (!holds(index[field])) throw fail(field, expected, index[field]);
  for (const field of ["tokens", "documents"] as const) {
    const sum = index.shards.reduce((total, shard) => total + shard[field], 0);
    if (sum !== index[field]) throw fail(field, `${sum}, the sum of its shards`, index[field]);
  }
  return index;
}

function isCorpus(value: unknown): boolean {
  const { name, documents, tokens } = (value ?? {}) as CorpusEntry;
  return typeof name === "string" && isCount(documents) && isCount(tokens);
}

function isShard(value: unknown, number: number): boolean {
  const { name, tokens, documents, weighted, sha256 } = (value ?? {}) as ShardEntry;
  const hasCounts = isCount(tokens) && isCount(documents) && typeof weighted === "boolean";
  return name === shardName(number) && hasCounts && isHash(sha256?.tokens) && isHash(sha256?.documents);
}
