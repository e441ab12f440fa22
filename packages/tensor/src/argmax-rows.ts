import { OutOfRangeError } from "@ds3/errors";
import { argmaxRowsWgsl } from "./argmax-rows.wgsl.ts";
import { dims } from "./dims.ts";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows } from "./row-kernel.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

/** Largest V: indices up to here are exact in f32. */
const MAX_V = 2 ** 24;

const kernelOf = cachedTemplate(argmaxRowsWgsl);

/**
 * Index of the largest of each row, the smallest index on ties: logits [T, V] f32; returns [T] u32. No gradient.
 * Logits must be numbers: with a NaN in a row its index is one of the row's.
 *
 * @throws ShapeError, DtypeError; OutOfRangeError unless 1 <= V <= 2^24.
 */
export function argmaxRows(logits: Tensor): Tensor {
  assertDtype("argmaxRows", "logits", logits, "f32");
  const { T, V } = dims("argmaxRows", { logits: "T V" }, { logits });
  if (V < 1 || V > MAX_V) {
    throw new OutOfRangeError({ op: "argmaxRows", operand: "V", expected: `1 to ${MAX_V}`, actual: `${V}` });
  }
  const { gpu } = logits;
  const indices = gpu.empty([T], "u32", "argmaxRows");
  dispatchRows(gpu, kernelOf({ team: teamOf(gpu.target) }), { logits, indices }, { V }, { rows: T, columns: V });
  return indices;
}
