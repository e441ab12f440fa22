import { ShapeError } from "@ds3/errors";
import { type GradientSink, record, swiglu, type Tensor } from "@ds3/tensor";
import { dequantize } from "./dequantize.ts";
import {
  columnTiling,
  GRADIENT_FLOOR,
  type LayerContext,
  outputsOf,
  productInto,
  savedOf,
} from "./fp8-linear-parts.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** What tells the down projection of routed experts from the others. */
export interface GatedLinearKind {
  /**
   * y leaves through combine: rounded to bf16. Its gradient arrives through the backward dispatch: in row tiles whose
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
 * y = swiglu(z) W^T with FP8 products. z f32 [..., 2I], weight f32 [O, I] or [E, O, I] -> f32 [..., O]. The tape keeps z
 * in FP8; swiglu(z) is computed again in backward.
 *
 * @throws ShapeError
 */
export function fp8GatedLinear(context: LayerContext, kind: GatedLinearKind, z: Tensor, weight: Tensor): Tensor {
  const { gpu } = z;
  const { rounding, op } = context;
  const O = outputsOf(context, z, halfOf(op, z), weight);
  const y = gpu.empty([...z.shape.slice(0, -1), O], "f32", op);
  using _scope = gpu.scope(op);
  const rows = rounding.quantize(
    gpu.noGrad(() => swiglu(z)),
    { tiling: "row" },
  );
  const blocks = rounding.quantize(weight, { tiling: "block" });
  const round = kind.combined ? { round: "bf16" as const } : {};
  productInto(context, y, rows, blocks, { layout: "nt", accumulate: false, ...round });
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

function backward({ context, kind, z, weight, cached }: Step, dy: Tensor, sink: GradientSink): void {
  const { gpu } = z;
  const { rounding } = context;
  const how = { floor: GRADIENT_FLOOR, scales: kind.combined ? "powerOfTwo" : "f32" } as const;
  const rows = rounding.quantize(dy, { tiling: "row", ...how });
  // SwiGLU runs again on what is known of its input, and on a tape of its own: its rule gives dz.
  using inner = gpu.tape();
  const zAgain = inner.watch(dequantize(cached.z));
  const hidden = swiglu(zAgain);
  if (sink.wants(weight)) {
    using _scope = gpu.scope("wgrad");
    const columns = columnTiling(context);
    const dyColumns = kind.combined
      ? rounding.requantize(rows, { ...columns, ...how })
      : rounding.quantize(dy, { ...columns, ...how });
    const hColumns = rounding.quantize(hidden, columns);
    sink.into(weight, (target, accumulate) =>
      productInto(context, target, dyColumns, hColumns, { layout: "tn", accumulate }),
    );
  }
  if (!sink.wants(z)) return;
  const dHidden = gpu.empty(hidden.shape, "f32", "gradient");
  productInto(context, dHidden, rows, cached.weight, { layout: "nn", accumulate: false });
  inner.backward(hidden, dHidden);
  sink.add(z, inner.gradient(zAgain)!.reshape(z.shape));
}

function halfOf(op: string, z: Tensor): number {
  const half = (z.shape.at(-1) ?? 1) / 2;
  if (Number.isInteger(half)) return half;
  throw new ShapeError({ op, operand: "z", expected: "[..., 2I]", actual: `${z}` });
}
