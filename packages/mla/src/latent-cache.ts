import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { flatGrid, type Gpu, type Tensor, teamOf } from "@ds3/tensor";
import { appendLatentsWgsl } from "./append-latents.wgsl.ts";
import type { ActiveSequences, CacheRows } from "./cache-rows.ts";
import type { MlaConfig } from "./types.ts";

/**
 * What one layer keeps of the tokens so far: kvLoraRank + qkRopeHeadDim numbers a token, for all heads together
 * (report, section 2.1.1). Sequences may be of different lengths: `CacheRows` says how many tokens each row holds, what
 * lies behind them is never read. Mutable on purpose: `appendLatents`, `mlaDecode` and `mlaDecodeStep` write into it.
 */
export interface LatentCache {
  /** [batch, capacity, kvLoraRank + qkRopeHeadDim]: of each token its normed latent, then its rotated shared key. */
  readonly entries: Tensor;
  readonly batch: number;
  readonly capacity: number;
}

/** An empty cache for `batch` sequences of at most `capacity` tokens each. */
export function createLatentCache(gpu: Gpu, config: MlaConfig, batch: number, capacity: number): LatentCache {
  return {
    entries: gpu.zeros([batch, capacity, config.kvLoraRank + config.qkRopeHeadDim]),
    batch,
    capacity,
  };
}

/**
 * Writes T new tokens, latent [S x T, C] and ropeKey [S x T, R], behind the `filled` ones of each of the
 * A = S x copies sequences of `rows`; `copies` consecutive ones take the same tokens, as samples of one prompt do.
 * Prompts of different lengths come padded at their end: what padding leaves is overwritten by the next token.
 *
 * @throws OutOfRangeError, before anything is written, for a row that the cache lacks or that has no room left;
 * ShapeError when the tokens do not divide among the sequences.
 */
export function appendLatents(
  cache: LatentCache,
  { latent, ropeKey }: { readonly latent: Tensor; readonly ropeKey: Tensor },
  rows: CacheRows,
  copies = 1,
): void {
  const A = rows.sequences.length;
  const T = tokensEach(latent, ropeKey, A / copies);
  assertRoom("appendLatents", cache, rows, T);
  const { gpu } = cache.entries;
  const operands = { latent, ropeKey, table: rows.table, entries: cache.entries };
  const [C, R] = [latent.shape[1]!, ropeKey.shape[1]!];
  const uniforms = { rows: A * T, A, T, copies, capacity: cache.capacity, C, R };
  gpu.dispatch(appendLatentsWgsl(teamOf(gpu.target).size), operands, uniforms, flatGrid(A * T, 1));
}

function tokensEach(latent: Tensor, ropeKey: Tensor, sequences: number): number {
  const refuse = (operand: string, expected: string, actual: string): never => {
    throw new ShapeError({ op: "appendLatents", operand, expected, actual });
  };
  if (!Number.isInteger(sequences)) refuse("copies", "a divisor of the number of sequences", `a quotient ${sequences}`);
  const rows = latent.shape[0]!;
  const T = rows / sequences;
  if (!Number.isInteger(T) || T === 0) refuse("latent", `a multiple of ${sequences} rows`, `${rows}`);
  if (ropeKey.shape[0] !== rows) refuse("ropeKey", `${rows} rows, as latent`, `${ropeKey.shape[0]}`);
  return T;
}

/** Refuses sequences that the cache lacks or that have no room for T more tokens; `op` is named in the message. */
export function assertRoom(
  op: string,
  { batch, capacity }: LatentCache,
  { sequences, filled }: ActiveSequences,
  T: number,
): void {
  for (const [a, row] of sequences.entries()) {
    if (row >= batch) {
      const expected = `a row below the cache's ${batch}`;
      throw new OutOfRangeError({ op, operand: `sequences[${a}]`, expected, actual: `${row}` });
    }
    if (filled[a]! + T <= capacity) continue;
    throw new OutOfRangeError({
      op,
      operand: `cache row ${row}`,
      expected: `at most ${capacity} tokens`,
      actual: `${filled[a]! + T}`,
      hint: "Create the cache with a larger capacity, or shorten the sequence.",
    });
  }
}
