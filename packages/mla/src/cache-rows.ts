import { OutOfRangeError, ShapeError } from "@ds3/errors";
import type { Gpu, Tensor } from "@ds3/tensor";

/** Which sequences of a cache a step works on, and how many tokens each holds before it. A active sequences. */
export interface ActiveSequences {
  /** [A]: the cache row of each, no row twice. */
  readonly sequences: Int32Array;
  /** [A]: tokens that it holds. */
  readonly filled: Int32Array;
}

/** `ActiveSequences` on the GPU: one upload serves all layers of a step. */
export interface CacheRows extends ActiveSequences {
  /** i32 [2, A]: the numbers of tokens, then the cache rows. */
  readonly table: Tensor;
  /** i32 [A]: the numbers of tokens, which are the positions of a decoded token. */
  readonly positions: Tensor;
}

/**
 * Uploads which cache rows a step works on.
 *
 * @throws ShapeError when there are none or the lengths differ; OutOfRangeError for a negative number or a row that
 * comes twice.
 */
export function cacheRows(gpu: Gpu, { sequences, filled }: ActiveSequences): CacheRows {
  assertRows("cacheRows", { sequences, filled });
  const A = sequences.length;
  const host = new Int32Array(2 * A);
  host.set(filled);
  host.set(sequences, A);
  const table = gpu.tensor(host, [2, A], "i32", "cache rows");
  return { sequences, filled, table, positions: table.slice(0, 1).reshape([A]) };
}

/** Refuses sequences that a step cannot work on; `op` is named in the message. */
export function assertRows(op: string, { sequences, filled }: ActiveSequences): void {
  const A = sequences.length;
  if (A === 0 || filled.length !== A) {
    const expected = A === 0 ? "at least one sequence" : `${A} values, as many as sequences`;
    throw new ShapeError({ op, operand: "filled", expected, actual: `${filled.length}` });
  }
  const refuse = (operand: string, expected: string, actual: number): never => {
    throw new OutOfRangeError({ op, operand, expected, actual: `${actual}` });
  };
  const seen = new Set<number>();
  for (const [a, row] of sequences.entries()) {
    if (row < 0) refuse(`sequences[${a}]`, "a row >= 0", row);
    if (seen.has(row)) refuse(`sequences[${a}]`, "each row once", row);
    if (filled[a]! < 0) refuse(`filled[${a}]`, "a number of tokens >= 0", filled[a]!);
    seen.add(row);
  }
}
