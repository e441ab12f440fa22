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
import { didYouMean, OutOfRangeError } from "@ds3/errors";
import type { RowGroups, Tensor } from "@ds3/tensor";
import { fp8GatedLinear } from "./fp8-gated-linear.ts";
import { AFTER_ATTENTION, COMBINED, DISPATCHED, fp8Linear, type LinearKind, PLAIN } from "./fp8-linear.ts";
import type { LayerContext, Rounding } from "./fp8-linear-parts.ts";
import { quantize } from "./quantize.ts";
import { requantize } from "./requantize.ts";
import { quantizeWhole, requantizeWhole } from "./tensor-scaling.ts";

/** The weight that a linear layer reads, by its name in attention, feed-forward networks and prediction modules. */
export type Fp8Site = "qkvA" | "qB" | "kvB" | "o" | "gateUp" | "down" | "ehProj";

/** Linear layers in FP8, as the layers of a model take them. All are differentiable; operands are f32. */
export interface Fp8Linears {
  /** x [..., I], weight [O, I] -> f32 [..., O]. Without `site` as any but "o", the one behind attention. */
  linear(x: Tensor, weight: Tensor, site?: Fp8Site): Tensor;
  /** The linear layer of swiglu(z): z [..., 2I], weight [O, I] -> f32 [..., O]. */
  gatedLinear(z: Tensor, weight: Tensor): Tensor;
  /**
   * Of rows of experts: x [R, I], weights [E, O, I] -> [R, O]. "gateUp", the default, has rows that were dispatched and
   * gives f32; "down" has rows swiglu(z) and gives what is combined, bf16.
   */
  groupedLinear(x: Tensor, weights: Tensor, groups: RowGroups, site?: "gateUp" | "down"): Tensor;
  /** Of swiglu(z), whose results are combined: z [R, 2I], weights [E, O, I] -> bf16 [R, O]. */
  groupedGatedLinear(z: Tensor, weights: Tensor, groups: RowGroups): Tensor;
}

const SITES: Readonly<Record<Fp8Site, LinearKind>> = {
  qkvA: PLAIN,
  qB: PLAIN,
  kvB: PLAIN,
  o: AFTER_ATTENTION,
  gateUp: PLAIN,
  down: PLAIN,
  ehProj: PLAIN,
};
const EXPERT_SITES: Readonly<Record<"gateUp" | "down", LinearKind>> = { gateUp: DISPATCHED, down: COMBINED };

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
 * DeepSeek-V3's linear layers in FP8. Results are f32, those that are combined bf16.
 *
 * A NaN or an infinity anywhere gives NaN in all that is computed from its tile, and so in the gradients.
 * @throws OutOfRangeError for another scaling. The layers throw ShapeError where weights do not fit, DtypeError for
 * operands that are not f32, OutOfRangeError for another site.
 */
export function fp8Linears({ scaling = "tile" }: Fp8Options = {}): Fp8Linears {
  const rounding = oneOf("fp8Linears", "scaling", ROUNDINGS, scaling);
  const context = (op: string, groups?: RowGroups): LayerContext => ({ op, rounding, groups });
  return {
    linear: (x, weight, site = "gateUp") =>
      fp8Linear(context("fp8Linear"), oneOf("fp8Linear", "site", SITES, site), x, weight),
    gatedLinear: (z, weight) => fp8GatedLinear(context("fp8GatedLinear"), { combined: false }, z, weight),
    groupedLinear: (x, weights, groups, site = "gateUp") => {
      const op = "fp8GroupedLinear";
      return fp8Linear(context(op, groups), oneOf(op, "site", EXPERT_SITES, site), x, weights);
    },
    groupedGatedLinear: (z, weights, groups) =>
      fp8GatedLinear(context("fp8GroupedGatedLinear", groups), { combined: true }, z, weights),
  };
}

function oneOf<Name extends string, Value>(
  op: string,
  operand: string,
  choices: Readonly<Record<Name, Value>>,
  name: Name,
): Value {
  if (Object.hasOwn(choices, name)) return choices[name];
  const names = Object.keys(choices);
  const hint = didYouMean(`${name}`, names);
  throw new OutOfRangeError({ op, operand, expected: names.join(" or "), actual: `${name}`, hint });
}
