import { type GradientSink, record, type Tensor } from "@ds3/tensor";
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

/** What tells one of the report's linear layers from another. */
export interface LinearKind {
  /** Of x's row tiles, and of the column tiles that backward makes of them. */
  readonly scales: "f32" | "powerOfTwo";
  /** What backward finds on the tape: x in 8 bits or in 12. */
  readonly cached: "e4m3fn" | "e5m6";
  /**
   * What travels between machines. "dispatched": x, so its gradient leaves through the backward combine, rounded to bf16.
   * "combined": y, as bf16, so its gradient arrives through the backward dispatch, in row tiles whose scales are powers of
   * two, of which the column tiles are made.
   */
  readonly travels?: "dispatched" | "combined";
}

/** Any other linear layer. */
export const PLAIN: LinearKind = { scales: "f32", cached: "e4m3fn" };
/** Behind attention. */
export const AFTER_ATTENTION: LinearKind = { scales: "powerOfTwo", cached: "e5m6" };
/** The up-projection of routed experts. */
export const DISPATCHED: LinearKind = { scales: "powerOfTwo", cached: "e4m3fn", travels: "dispatched" };
/** The down-projection of routed experts, by itself. */
export const COMBINED: LinearKind = { scales: "f32", cached: "e4m3fn", travels: "combined" };

interface Step {
  readonly context: LayerContext;
  readonly kind: LinearKind;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly cached: { readonly x: QuantizedMatrix; readonly weight: QuantizedMatrix };
}

/**
 * y = x W^T with FP8 products. x f32 [..., I], weight f32 [O, I] or [E, O, I] -> f32 [..., O], bf16 where it is combined.
 *
 * @throws DtypeError, ShapeError
 */
export function fp8Linear(context: LayerContext, kind: LinearKind, x: Tensor, weight: Tensor): Tensor {
  assertF32(context, { x, weight });
  const O = outputsOf(context, x, x.shape.at(-1) ?? 1, weight);
  const { gpu } = x;
  const { rounding, op } = context;
  // What the tape does not keep is freed at once.
  using scope = gpu.scope(op);
  const { scales, cached } = kind;
  const rows = rounding.quantize(x, { tiling: "row", scales });
  const blocks = rounding.quantize(weight, { tiling: "block" });
  const shape = [...x.shape.slice(0, -1), O];
  const y = scope.keep(forwardProduct(context, { rows, blocks, shape, isCombined: isCombined(kind) }));
  if (!isRecorded(x, weight)) return y;
  const kept = cached === rows.format ? rows : rounding.quantize(x, { tiling: "row", scales, format: cached });
  const step = { context, kind, x, weight, cached: { x: kept, weight: blocks } };
  record(gpu, {
    label: op,
    inputs: [x, weight],
    outputs: [y],
    saved: savedOf(context, kept, blocks),
    backward: ([dy], sink) => backward(step, dy!, sink),
  });
  return y;
}

function backward(step: Step, dy: Tensor, sink: GradientSink): void {
  const { kind, x, weight, context } = step;
  const how = gradientRounding(isCombined(kind));
  const roundRows = (): QuantizedMatrix => context.rounding.quantize(dy, { tiling: "row", ...how });
  const rows = isCombined(kind) ? roundRows() : undefined;
  if (sink.wants(weight)) weightGradient(step, { dy, rows }, sink);
  if (sink.wants(x)) inputGradient(step, rows ?? roundRows(), sink);
}

/** The gradient; in row tiles where it came in them. */
interface Gradient {
  readonly dy: Tensor;
  readonly rows: QuantizedMatrix | undefined;
}

/** dW = dy^T x: both in tiles along the tokens, x's made of its row tiles. */
function weightGradient({ context, kind, weight, cached }: Step, { dy, rows }: Gradient, sink: GradientSink): void {
  using _scope = dy.gpu.scope("wgrad");
  const { rounding } = context;
  const how = { ...columnTiling(context), ...gradientRounding(isCombined(kind)) };
  const dyColumns = rows ? rounding.requantize(rows, how) : rounding.quantize(dy, how);
  const xColumns = rounding.requantize(cached.x, { ...columnTiling(context), scales: kind.scales });
  sink.into(weight, (target, accumulate) =>
    productInto(context, target, dyColumns, xColumns, { layout: "tn", accumulate }),
  );
}

/** dx = dy W. */
function inputGradient({ context, kind, x, cached }: Step, rows: QuantizedMatrix, sink: GradientSink): void {
  if (kind.travels !== "dispatched") {
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

function isCombined({ travels }: LinearKind): boolean {
  return travels === "combined";
}
