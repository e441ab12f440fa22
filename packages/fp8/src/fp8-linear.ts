import { type GradientSink, record, type Tensor } from "@ds3/tensor";
import {
  columnTiling,
  GRADIENT_FLOOR,
  type LayerContext,
  outputsOf,
  productInto,
  savedOf,
} from "./fp8-linear-parts.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** What tells one of the report's linear layers from another. */
export interface LinearKind {
  /** Of x's row tiles, and of the column tiles that backward makes of them. */
  readonly scales: "f32" | "powerOfTwo";
  /** What backward finds on the tape: x in 8 bits or in 12. */
  readonly cached: "e4m3fn" | "e5m6";
  /** x came through dispatch, so its gradient leaves through the backward combine: rounded to bf16. */
  readonly dispatched: boolean;
}

/** Any other linear layer. */
export const PLAIN: LinearKind = { scales: "f32", cached: "e4m3fn", dispatched: false };
/** Behind attention. */
export const AFTER_ATTENTION: LinearKind = { scales: "powerOfTwo", cached: "e5m6", dispatched: false };
/** The up-projection of routed experts. */
export const DISPATCHED: LinearKind = { scales: "powerOfTwo", cached: "e4m3fn", dispatched: true };

interface Step {
  readonly context: LayerContext;
  readonly kind: LinearKind;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly cached: { readonly x: QuantizedMatrix; readonly weight: QuantizedMatrix };
}

/** y = x W^T with FP8 products. x f32 [..., I], weight f32 [O, I] or [E, O, I] -> f32 [..., O]. @throws ShapeError */
export function fp8Linear(context: LayerContext, kind: LinearKind, x: Tensor, weight: Tensor): Tensor {
  const O = outputsOf(context, x, x.shape.at(-1) ?? 1, weight);
  const { gpu } = x;
  const { rounding, op } = context;
  const y = gpu.empty([...x.shape.slice(0, -1), O], "f32", op);
  // What the tape does not keep is freed at once.
  using _scope = gpu.scope(op);
  const { scales, cached } = kind;
  const rows = rounding.quantize(x, { tiling: "row", scales });
  const blocks = rounding.quantize(weight, { tiling: "block" });
  productInto(context, y, rows, blocks, { layout: "nt", accumulate: false });
  const kept = cached === rows.format ? rows : rounding.quantize(x, { tiling: "row", scales, format: cached });
  const step = { context, kind, x, weight, cached: { x: kept, weight: blocks } };
  record(gpu, {
    label: op,
    inputs: [x, weight],
    outputs: [y],
    saved: savedOf(context, kept, blocks),
    backward: ([dy], sink) => {
      if (sink.wants(weight)) weightGradient(step, dy!, sink);
      if (sink.wants(x)) inputGradient(step, dy!, sink);
    },
  });
  return y;
}

/** dW = dy^T x: both in tiles along the tokens, x's made of its row tiles. */
function weightGradient({ context, kind, weight, cached }: Step, dy: Tensor, sink: GradientSink): void {
  using _scope = dy.gpu.scope("wgrad");
  const { rounding } = context;
  const dyColumns = rounding.quantize(dy, { ...columnTiling(context), floor: GRADIENT_FLOOR });
  const xColumns = rounding.requantize(cached.x, { ...columnTiling(context), scales: kind.scales });
  sink.into(weight, (target, accumulate) =>
    productInto(context, target, dyColumns, xColumns, { layout: "tn", accumulate }),
  );
}

/** dx = dy W. */
function inputGradient({ context, kind, x, cached }: Step, dy: Tensor, sink: GradientSink): void {
  const rows = context.rounding.quantize(dy, { tiling: "row", floor: GRADIENT_FLOOR });
  if (!kind.dispatched) {
    sink.into(x, (target, accumulate) =>
      productInto(context, target, rows, cached.weight, { layout: "nn", accumulate }),
    );
    return;
  }
  // Each message is rounded, not a sum with what is there.
  const dx = x.gpu.empty(x.shape, "f32", "gradient");
  productInto(context, dx, rows, cached.weight, { layout: "nn", accumulate: false, round: "bf16" });
  sink.add(x, dx);
}
