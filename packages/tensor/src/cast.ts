import { DtypeError } from "@ds3/errors";
import { fromHalfWgsl, toHalfWgsl } from "./cast.wgsl.ts";
import { describe, type HalfDtype, isHalf } from "./dtype.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { dispatchRows, lanesOf, rowsOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Words of a row that a workgroup converts. */
const SPAN = 512;

const toHalfKernel = cachedTemplate(toHalfWgsl);
const fromHalfKernel = cachedTemplate(fromHalfWgsl);

/**
 * Converts f32 to f16 or bf16, to nearest with ties to even (overflow becomes infinity, NaN stays NaN, f16 keeps its
 * subnormals), or either to f32, exactly; from one half to the other through f32. Any shape; the same dtype gives the
 * tensor itself. The gradient passes unchanged: gradients are f32. No adapter feature is needed.
 *
 * @throws DtypeError for a tensor of integers, or another target.
 */
export function cast(x: Tensor, dtype: HalfDtype | "f32"): Tensor {
  if (x.dtype === dtype) return x;
  if (x.dtype !== "f32" && !isHalf(x.dtype)) throw refuse("x", describe(x.shape, x.dtype));
  if (dtype !== "f32" && !isHalf(dtype)) throw refuse("dtype", dtype);
  if (isHalf(x.dtype) && isHalf(dtype)) return cast(cast(x, "f32"), dtype);
  const lanes = lanesOf(x.gpu.target);
  const kernel = isHalf(dtype)
    ? toHalfKernel({ dtype, lanes })
    : fromHalfKernel({ dtype: x.dtype as HalfDtype, lanes });
  const out = x.gpu.empty(x.shape, dtype, "cast");
  convert(kernel, x, out);
  record(x.gpu, {
    label: "cast",
    inputs: [x],
    outputs: [out],
    saved: [],
    backward: ([gradient], sink) => sink.add(x, gradient!),
  });
  return out;
}

/**
 * scale x, rounded to halves: f32 values near the edge of a format's range, moved into it. Records nothing.
 *
 * @throws DtypeError unless x is f32.
 */
export function castScaled(x: Tensor, dtype: HalfDtype, scale: number): Tensor {
  if (x.dtype !== "f32") throw refuse("x", describe(x.shape, x.dtype), "f32");
  const out = x.gpu.empty(x.shape, dtype, "cast");
  const scaled = scale !== 1;
  const kernel = toHalfKernel({ dtype, lanes: lanesOf(x.gpu.target), ...(scaled && { scaled }) });
  convert(kernel, x, out, scaled ? { scale } : {});
  return out;
}

function convert(kernel: Kernel, x: Tensor, out: Tensor, extra: Readonly<Record<string, number>> = {}): void {
  // Rows of an even length have no padding between them: all of them are one long row.
  const inner = x.shape.at(-1) ?? 1;
  const [rows, C] = inner % 2 === 0 ? [Math.min(1, x.size), x.size] : [rowsOf(x.shape), inner];
  const chunks = Math.ceil(C / 2 / SPAN);
  const extent = { rows: rows * chunks, columns: Math.min(C, 2 * SPAN) };
  dispatchRows(x.gpu, kernel, { x, out }, { C, span: SPAN, chunks, ...extra }, extent);
}

function refuse(operand: string, actual: string, expected = "f32, f16 or bf16"): DtypeError {
  return new DtypeError({ op: "cast", operand, expected, actual });
}
