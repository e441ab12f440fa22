import { ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf, rowsOf, vectorWidth } from "./row-kernel.ts";
import { swigluGradientWgsl, swigluWgsl } from "./swiglu.wgsl.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const forwardKernel = cachedTemplate(swigluWgsl);
const gradientKernel = cachedTemplate(swigluGradientWgsl);

/**
 * SwiGLU (Shazeer, 2020) of fused projections: silu(gate) * up, silu(z) = z / (1 + e^-z), with gate the first half of
 * the last axis and up the second. x [..., 2F] f32; returns [..., F].
 *
 * @throws ShapeError when the last axis is odd; DtypeError
 */
export function swiglu(x: Tensor): Tensor {
  assertDtype("swiglu", "x", x, "f32");
  const F = (x.shape.at(-1) ?? 1) / 2;
  if (!Number.isInteger(F)) {
    throw new ShapeError({ op: "swiglu", operand: "x", expected: "[..., 2F]", actual: `[${x.shape.join(", ")}]` });
  }
  const { gpu } = x;
  const width = vectorWidth(F);
  const vectors = width > 1;
  const extent = { rows: rowsOf(x.shape), columns: F / width };
  const lanes = lanesOf(gpu.target);
  const y = gpu.empty([...x.shape.slice(0, -1), F], "f32", "swiglu");
  dispatchRows(gpu, forwardKernel({ lanes, vectors }), { x, y }, { F: F / width }, extent);
  record(gpu, {
    label: "swiglu",
    inputs: [x],
    outputs: [y],
    saved: [x],
    backward: ([dy], sink) =>
      sink.into(x, (dx, accumulate) => {
        dispatchRows(gpu, gradientKernel({ lanes, vectors, accumulate }), { x, dy: dy!, dx }, { F: F / width }, extent);
      }),
  });
  return y;
}
