import { OutOfRangeError } from "@ds3/errors";
import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/** What ids must be, and how a message names them. */
export interface IdRange {
  readonly op: string;
  readonly operand: string;
  /** Ids are in [0, limit). */
  readonly limit: number;
  /** The limit's letter or name, e.g. `V`. */
  readonly limitName: string;
  /** A value that is allowed beside. */
  readonly ignored?: number;
}

/**
 * Uploads ids, positions or labels as an i32 tensor, checked on the host.
 *
 * @throws OutOfRangeError that names the position, the id and the limit.
 */
export function uploadIds(gpu: Gpu, ids: Int32Array, shape: readonly number[], range: IdRange): Tensor {
  assertIds(ids, range);
  return gpu.tensor(ids, shape, "i32", range.operand);
}

/** Checks ids on the host, before anything is uploaded. Throws OutOfRangeError with position, id and limit. */
export function assertIds(ids: Int32Array, { op, operand, limit, limitName, ignored }: IdRange): void {
  const position = ids.findIndex((id) => (id < 0 || id >= limit) && id !== ignored);
  if (position < 0) return;
  throw new OutOfRangeError({
    op,
    operand: `${operand}[${position}]`,
    expected: `0 <= id < ${limitName}=${limit}${ignored === undefined ? "" : `, or ${ignored} for a row to ignore`}`,
    actual: `${ids[position]}`,
  });
}
