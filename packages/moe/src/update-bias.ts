import { OutOfRangeError } from "@ds3/errors";
import { dims, flatGrid, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { accumulateLoadWgsl, updateBiasWgsl } from "./update-bias.wgsl.ts";

/**
 * Moves the router's bias against the load, in place: bias += speed * sign(mean load - load), sign(0) = 0
 * (DeepSeek-V3 report, section 2.1.2: balancing without an auxiliary loss; `speed` is its gamma).
 *
 * bias f32 [E], load u32 [E] with a sum below 2^32: tokens per expert over all micro-batches of an optimiser step. The
 * comparison is exact. Call it once per optimiser step. Cost: one dispatch, no read-back.
 * @throws ShapeError, DtypeError; OutOfRangeError for a negative or non-finite speed.
 */
export function updateBias(bias: Tensor, load: Tensor, speed: number): void {
  const { E } = dims("updateBias", { bias: "E", load: "E" }, { bias, load });
  assertDtype("updateBias", "f32", { bias });
  assertDtype("updateBias", "u32", { load });
  if (!(Number.isFinite(speed) && speed >= 0)) {
    const expected = "a finite number >= 0";
    throw new OutOfRangeError({ op: "updateBias", operand: "speed", expected, actual: `${speed}` });
  }
  bias.gpu.dispatch(updateBiasWgsl(), { bias, load }, { E, speed }, flatGrid(E, 64));
}

/**
 * Adds a micro-batch's load to the step's total, in place; nothing in the second run of a `checkpoint`, where the same
 * tokens pass again. total, load u32 [E].
 * @throws ShapeError, DtypeError.
 */
export function accumulateLoad(total: Tensor, load: Tensor): void {
  const { E } = dims("accumulateLoad", { total: "E", load: "E" }, { total, load });
  assertDtype("accumulateLoad", "u32", { total, load });
  if (total.gpu.isRecomputing) return;
  total.gpu.dispatch(accumulateLoadWgsl(), { total, load }, { E }, flatGrid(E, 64));
}
