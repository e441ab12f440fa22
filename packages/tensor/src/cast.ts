import { DtypeError } from "@ds3/errors";
import { fromBf16Wgsl, toBf16Wgsl } from "./cast.wgsl.ts";
import { describe } from "./dtype.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf, rowsOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Words of a row that a workgroup converts. */
const SPAN = 512;

const kernels = { bf16: cachedTemplate(toBf16Wgsl), f32: cachedTemplate(fromBf16Wgsl) };

/**
 * Converts f32 to bf16, to nearest with ties to even (overflow becomes infinity, NaN stays NaN), or bf16 to f32,
 * exactly. Any shape; the same dtype gives the tensor itself. The gradient passes unchanged: gradients are f32.
 *
 * @throws DtypeError for a tensor of integers, or another target.
 */
export function cast(x: Tensor, dtype: "bf16" | "f32"): Tensor {
  if (x.dtype === dtype) return x;
  if (x.dtype !== "f32" && x.dtype !== "bf16") {
    const actual = describe(x.shape, x.dtype);
    throw new DtypeError({ op: "cast", operand: "x", expected: "f32 or bf16", actual });
  }
  if (!Object.hasOwn(kernels, dtype)) {
    throw new DtypeError({ op: "cast", operand: "dtype", expected: "f32 or bf16", actual: dtype });
  }
  const { gpu } = x;
  const out = gpu.empty(x.shape, dtype, "cast");
  // Rows of an even length have no padding between them: all of them are one long row.
  const inner = x.shape.at(-1) ?? 1;
  const [rows, C] = inner % 2 === 0 ? [Math.min(1, x.size), x.size] : [rowsOf(x.shape), inner];
  const chunks = Math.ceil(C / 2 / SPAN);
  const uniforms = { C, span: SPAN, chunks };
  const extent = { rows: rows * chunks, columns: Math.min(C, 2 * SPAN) };
  dispatchRows(gpu, kernels[dtype]({ lanes: lanesOf(gpu.target) }), { x, out }, uniforms, extent);
  record(gpu, {
    label: "cast",
    inputs: [x],
    outputs: [out],
    saved: [],
    backward: ([gradient], sink) => sink.add(x, gradient!),
  });
  return out;
}
