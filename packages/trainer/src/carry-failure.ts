import type { Tensor } from "@ds3/tensor";
import { carryFailureWgsl } from "./carry-failure.wgsl.ts";

/** Bits of a quiet NaN. */
const NAN_BITS = 0x7fc00000;

/**
 * The loss [1], or NaN when `previous`, the stats [4] of the step before, say that it was not applied.
 *
 * The host learns of a failed step when the next one is encoded already; with this the next one is not applied either,
 * so parameters and moments stay what they were before the failure. Cost: one dispatch of one invocation.
 */
export function carryFailure(loss: Tensor, previous: Tensor): Tensor {
  const out = loss.gpu.empty([1], "f32", "loss");
  loss.gpu.dispatch(carryFailureWgsl(), { loss, previous, out }, { nan: NAN_BITS }, [1]);
  return out;
}
