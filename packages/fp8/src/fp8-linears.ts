/**
 * The linear layers of DeepSeek-V3's FP8 training (report, section 3.3): y = q(x) q(W)^T, dx = q(dy) q(W),
 * dW = q'(dy)^T q'(x). q rounds to e4m3 with one f32 scale for 1 x 128 elements of x and dy and for 128 x 128 of W, so
 * that an outlier costs precision in its own tile alone; q' rounds 128 x 1 elements, since wgrad sums over tokens.
 * All products of codes are summed in f32, multiplied by both scales every 128 of k. Parameters, activations between
 * layers and gradients stay f32; weight gradients are added to in f32.
 *
 * What backward keeps of x are its codes and scales, of which wgrad's column tiles are made: a quarter of the memory of
 * an f32 layer's input. Three places differ (section 3.3.3):
 *
 * - behind attention (site "o"): x is kept in 12 bits, and all scales of x are powers of two;
 * - behind SwiGLU (`gatedLinear`, `groupedGatedLinear`): SwiGLU's input is kept instead, and SwiGLU runs again;
 * - around the experts: what is dispatched travels in FP8 with scales that are powers of two (x of "gateUp" forward, dy
 *   of "down" backward), what is combined in bf16 (y of "down", dx of "gateUp").
 *
 * Differs from the report: attention keeps its output itself, so the copy in 12 bits serves the linear layer alone; the
 * weights are rounded at every call, not once a step.
 */
import { OutOfRangeError } from "@ds3/errors";
import type { RowGroups, Tensor } from "@ds3/tensor";
import { fp8GatedLinear } from "./fp8-gated-linear.ts";
import { AFTER_ATTENTION, DISPATCHED, fp8Linear, PLAIN } from "./fp8-linear.ts";
import type { Rounding } from "./fp8-linear-parts.ts";
import { quantize } from "./quantize.ts";
import { requantize } from "./requantize.ts";
import { quantizeWhole, requantizeWhole } from "./tensor-scaling.ts";

/**
 * Linear layers of one precision, as the layers of a model take them. All are differentiable. Results are f32, those that
 * are combined f32 or bf16.
 */
export interface Linears {
  /** x f32 [..., I], weight f32 [O, I] -> [..., O]. `site` names the weight: "o" is the one behind attention. */
  linear(x: Tensor, weight: Tensor, site?: string): Tensor;
  /** The linear layer of swiglu(z): z f32 [..., 2I], weight f32 [O, I] -> [..., O]. */
  gatedLinear(z: Tensor, weight: Tensor): Tensor;
  /** Of rows that were dispatched to experts: x f32 [R, I], weights f32 [E, O, I] -> [R, O]. */
  groupedLinear(x: Tensor, weights: Tensor, groups: RowGroups, site?: string): Tensor;
  /** Of swiglu(z), whose results are combined: z f32 [R, 2I], weights f32 [E, O, I] -> f32 or bf16 [R, O]. */
  groupedGatedLinear(z: Tensor, weights: Tensor, groups: RowGroups): Tensor;
}

/** What can be varied for comparison. */
export interface Fp8Options {
  /** Which elements share a scale: those of a tile (default), as in the report, or all of a tensor. */
  readonly scaling?: "tile" | "tensor";
}

const ROUNDINGS: Readonly<Record<"tile" | "tensor", Rounding>> = {
  tile: { quantize, requantize },
  tensor: { quantize: quantizeWhole, requantize: requantizeWhole },
};

/**
 * DeepSeek-V3's linear layers in FP8. Results are f32, those of `groupedGatedLinear` bf16.
 *
 * A NaN or an infinity anywhere gives NaN in all that is computed from its tile, and so in the gradients.
 * @throws OutOfRangeError for another scaling. The layers throw ShapeError where weights do not fit, DtypeError for
 * operands that are not f32.
 */
export function fp8Linears({ scaling = "tile" }: Fp8Options = {}): Linears {
  if (!Object.hasOwn(ROUNDINGS, scaling)) {
    const expected = Object.keys(ROUNDINGS).join(" or ");
    throw new OutOfRangeError({ op: "fp8Linears", operand: "scaling", expected, actual: `${scaling}` });
  }
  const rounding = ROUNDINGS[scaling];
  const context = (op: string, groups?: RowGroups) => ({ op, rounding, groups });
  return {
    linear: (x, weight, site) => fp8Linear(context("fp8Linear"), site === "o" ? AFTER_ATTENTION : PLAIN, x, weight),
    gatedLinear: (z, weight) => fp8GatedLinear(context("fp8GatedLinear"), { combined: false }, z, weight),
    groupedLinear: (x, weights, groups) => fp8Linear(context("fp8GroupedLinear", groups), DISPATCHED, x, weights),
    groupedGatedLinear: (z, weights, groups) =>
      fp8GatedLinear(context("fp8GroupedGatedLinear", groups), { combined: true }, z, weights),
  };
}
