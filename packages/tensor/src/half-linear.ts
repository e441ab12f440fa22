/**
 * Linear layers whose products read halves: y = h(x) h(W)^T, dx = h(dy) h(W), dW = h(dy)^T h(x), with h rounding to f16
 * or bf16 and all sums in f32. Parameters, activations and gradients stay f32. What backward keeps are the halves of x
 * and W, half the memory of an f32 linear's input.
 *
 * bf16 has f32's range and 8 significant bits. f16 has 11, but a range from 6e-5 (6e-8 with fewer bits) to 65504:
 * gradients of a mean over tokens fall below it, so that dy is multiplied by `gradientScale` before it is rounded, and
 * the products by its inverse. Gradients beyond 65504 / gradientScale become infinite, which `gradientNorm` reports.
 */
import { OutOfRangeError } from "@ds3/errors";
import { cast, castScaled } from "./cast.ts";
import { type HalfDtype, isHalf } from "./dtype.ts";
import { groupedMatmul, groupedProduct, type RowGroups } from "./grouped-matmul.ts";
import { matmul, matmulInto } from "./matmul.ts";
import { type GradientSink, record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** How gradients are rounded. */
export interface HalfLinearOptions {
  /** Factor of dy before it is rounded, best a power of two. Default 1024 for f16, 1 for bf16. */
  readonly gradientScale?: number;
}

/**
 * A linear layer with products of halves: x f32 [..., I], weight f32 [O, I] -> [..., O] f32, differentiable in both. No
 * adapter feature is needed; where `shader-f16` or subgroup matrices are there, its kernels use them.
 *
 * ```ts
 * const model = createDeepseek(gpu, config, { linear: halfLinear("bf16") });
 * ```
 * @throws OutOfRangeError for another format, or a scale that is not positive and finite.
 */
export function halfLinear(dtype: HalfDtype, options: HalfLinearOptions = {}): (x: Tensor, weight: Tensor) => Tensor {
  const rounding = checked("halfLinear", dtype, options);
  return (x, weight) => {
    const half = x.gpu.noGrad(() => {
      const [xHalf, wHalf] = [cast(x, dtype), cast(weight, dtype)];
      return { x: xHalf.reshape([-1, x.shape.at(-1) ?? 1]), weight: wHalf, y: matmul(xHalf, wHalf, { layout: "nt" }) };
    });
    const saved = [half.x, half.weight];
    const backward = ([dy]: readonly (Tensor | undefined)[], sink: GradientSink): void =>
      backwardDense({ x, weight, half, dy: dy!, rounding }, sink);
    record(x.gpu, { label: `halfLinear ${dtype}`, inputs: [x, weight], outputs: [half.y], saved, backward });
    return half.y;
  };
}

/**
 * `groupedMatmul` with products of halves: x f32 [R, I] sorted by expert, weights f32 [E, O, I] -> [R, O] f32.
 *
 * @throws OutOfRangeError as `halfLinear`.
 */
export function halfGroupedLinear(
  dtype: HalfDtype,
  options: HalfLinearOptions = {},
): (x: Tensor, weights: Tensor, groups: RowGroups) => Tensor {
  const rounding = checked("halfGroupedLinear", dtype, options);
  return (x, weight, groups) => {
    const half = x.gpu.noGrad(() => {
      const [xHalf, wHalf] = [cast(x, dtype), cast(weight, dtype)];
      return { x: xHalf, weight: wHalf, y: groupedMatmul(xHalf, wHalf, groups) };
    });
    const saved = [half.x, half.weight, groups.offsets, groups.tiles];
    const backward = ([dy]: readonly (Tensor | undefined)[], sink: GradientSink): void =>
      backwardGrouped({ x, weight, half, dy: dy!, rounding }, groups, sink);
    record(x.gpu, { label: `halfGroupedLinear ${dtype}`, inputs: [x, weight], outputs: [half.y], saved, backward });
    return half.y;
  };
}

interface Rounding {
  readonly dtype: HalfDtype;
  readonly gradientScale: number;
}

interface Layer {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly half: { readonly x: Tensor; readonly weight: Tensor };
  readonly dy: Tensor;
  readonly rounding: Rounding;
}

function backwardDense({ x, weight, half, dy, rounding }: Layer, sink: GradientSink): void {
  const alpha = 1 / rounding.gradientScale;
  const rows = castScaled(dy, rounding.dtype, rounding.gradientScale).reshape([-1, weight.shape[0]!]);
  sink.into(x, (target, accumulate) => matmulInto(target, rows, half.weight, { layout: "nn", accumulate, alpha }));
  sink.into(weight, (target, accumulate) => matmulInto(target, rows, half.x, { layout: "tn", accumulate, alpha }));
}

function backwardGrouped({ x, weight, half, dy, rounding }: Layer, groups: RowGroups, sink: GradientSink): void {
  const { R, E } = groups;
  const [, O, I] = weight.shape as readonly [number, number, number];
  const alpha = 1 / rounding.gradientScale;
  const rows = castScaled(dy, rounding.dtype, rounding.gradientScale);
  const common = { R, E, N: I, alpha };
  sink.into(x, (target, accumulate) =>
    groupedProduct({ ...common, grouped: "rows", layout: "nn", K: O, accumulate }, groups, rows, half.weight, target),
  );
  sink.into(weight, (target, accumulate) =>
    groupedProduct({ ...common, grouped: "k", layout: "tn", M: O, accumulate }, groups, rows, half.x, target),
  );
}

function checked(op: string, dtype: HalfDtype, { gradientScale }: HalfLinearOptions): Rounding {
  const scale = gradientScale ?? (dtype === "f16" ? 1024 : 1);
  if (!isHalf(dtype)) throw new OutOfRangeError({ op, operand: "dtype", expected: "f16 or bf16", actual: `${dtype}` });
  if (scale > 0 && Number.isFinite(scale)) return { dtype, gradientScale: scale };
  const expected = "a positive number";
  throw new OutOfRangeError({ op, operand: "gradientScale", expected, actual: `${scale}` });
}
