import { ShapeError } from "@ds3/errors";
import { type GradientSink, record, swiglu, type Tensor } from "@ds3/tensor";
import { dequantize } from "./dequantize.ts";
import {
  assertF32,
  columnTiling,
  forwardProduct,
  gradientRounding,
  isRecorded,
  type LayerContext,
  outputsOf,
  productInto,
  savedOf,
} from "./fp8-linear-parts.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** What tells the down projection of routed experts from the others. */
export interface GatedLinearKind {
  /**
   * y leaves through combine: as bf16. Its gradient arrives through the backward dispatch: in row tiles whose
   * scales are powers of two, of which the column tiles are made.
   */
  readonly combined: boolean;
}

interface Step {
  readonly context: LayerContext;
  readonly kind: GatedLinearKind;
  readonly z: Tensor;
  readonly weight: Tensor;
  readonly cached: { readonly z: QuantizedMatrix; readonly weight: QuantizedMatrix };
}

/**
 * y = swiglu(z) W^T with FP8 products. z f32 [..., 2I], weight f32 [O, I] or [E, O, I] -> f32 [..., O], bf16 where it is
 * combined. The tape keeps z in FP8; swiglu(z) is computed again in backward.
 *
 * @throws DtypeError, ShapeError
 */
export function fp8GatedLinear(context: LayerContext, kind: GatedLinearKind, z: Tensor, weight: Tensor): Tensor {
  const { gpu } = z;
  const { rounding, op } = context;
  assertF32(context, { z, weight });
  const O = outputsOf(context, z, halfOf(op, z), weight);
  using scope = gpu.scope(op);
  const hidden = gpu.noGrad(() => swiglu(z));
  const rows = rounding.quantize(hidden, { tiling: "row" });
  gpu.free(hidden);
  const blocks = rounding.quantize(weight, { tiling: "block" });
  const shape = [...z.shape.slice(0, -1), O];
  const y = scope.keep(forwardProduct(context, { rows, blocks, shape, isCombined: kind.combined }));
  if (!isRecorded(z, weight)) return y;
  const kept = rounding.quantize(z, { tiling: "row" });
  const step = { context, kind, z, weight, cached: { z: kept, weight: blocks } };
  record(gpu, {
    label: op,
    inputs: [z, weight],
    outputs: [y],
    saved: savedOf(context, kept, blocks),
    backward: ([dy], sink) => gpu.recompute(() => backward(step, dy!, sink)),
  });
  return y;
}

function backward(step: Step, dy: Tensor, sink: GradientSink): void {
  const { context, kind, z, weight, cached } = step;
  const { gpu } = z;
  const rows = context.rounding.quantize(dy, { tiling: "row", ...gradientRounding(kind.combined) });
  // SwiGLU runs again on what is known of its input, and on a tape of its own: its rule gives dz.
  using inner = gpu.tape();
  const zAgain = inner.watch(dequantize(cached.z));
  const hidden = swiglu(zAgain);
  if (sink.wants(weight)) weightGradient(step, { dy, rows, hidden }, sink);
  if (!sink.wants(z)) return;
  // SwiGLU's rule reads its input alone.
  gpu.free(hidden);
  const dHidden = gpu.empty(hidden.shape, "f32", "gradient");
  productInto(context, dHidden, rows, cached.weight, { layout: "nn", accumulate: false });
  gpu.free(rows.codes);
  inner.backward(hidden, dHidden);
  sink.add(z, inner.gradient(zAgain)!.reshape(z.shape));
}

/** What backward has when it comes to the weight. */
interface GradientOperands {
  readonly dy: Tensor;
  /** dy in row tiles. */
  readonly rows: QuantizedMatrix;
  /** swiglu(z), again. */
  readonly hidden: Tensor;
}

/** dW = dy^T swiglu(z), both in tiles along the tokens. */
function weightGradient(
  { context, kind, weight }: Step,
  { dy, rows, hidden }: GradientOperands,
  sink: GradientSink,
): void {
  using _scope = dy.gpu.scope("wgrad");
  const { rounding } = context;
  const columns = columnTiling(context);
  const how = { ...columns, ...gradientRounding(kind.combined) };
  const dyColumns = kind.combined ? rounding.requantize(rows, how) : rounding.quantize(dy, how);
  const hColumns = rounding.quantize(hidden, columns);
  sink.into(weight, (target, accumulate) =>
    productInto(context, target, dyColumns, hColumns, { layout: "tn", accumulate }),
  );
}

function halfOf(op: string, z: Tensor): number {
  const half = (z.shape.at(-1) ?? 1) / 2;
  if (Number.isInteger(half)) return half;
  const hint = "z holds the gate, then the up-projection, both of I columns.";
  throw new ShapeError({ op, operand: "z", expected: "[..., 2I]", actual: `${z}`, hint });
}
