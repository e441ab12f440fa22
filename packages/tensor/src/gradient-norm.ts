import { ShapeError } from "@ds3/errors";
import type { ArenaSegment } from "./arena.ts";
import { assertDtype } from "./gpu.ts";
import { finishNormWgsl, NORM_CHUNK, squareSumsWgsl } from "./gradient-norm.wgsl.ts";
import { flatGrid } from "./grid.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

/** Largest f32: clipping to it never changes a finite gradient. */
const NO_CLIPPING = 3.4e38;

/**
 * Global gradient norm over all segments, on the GPU.
 *
 * Returns stats [4] f32: norm before clipping, the factor min(1, clipNorm / (norm + 1e-6)) of torch's
 * `clip_grad_norm_`, 1 when a gradient, the norm or the loss is NaN or infinite else 0, and the loss.
 * `adamwStep` reads it there, so nothing waits; the host reads it a step late.
 * loss [1] f32. Cost: one dispatch a segment and one more; no atomics, the same sum every time.
 * @throws ShapeError, DtypeError when the loss is not one f32; OutOfRangeError for a clipNorm that is not finite.
 */
export function gradientNorm(segments: readonly ArenaSegment[], loss: Tensor, clipNorm: number = NO_CLIPPING): Tensor {
  assertDtype("gradientNorm", "loss", loss, "f32");
  if (loss.size !== 1) {
    throw new ShapeError({ op: "gradientNorm", operand: "loss", expected: "one element", actual: `${loss}` });
  }
  const { gpu } = loss;
  const team = teamOf(gpu.target);
  const counts = segments.map(({ gradients }) => Math.ceil(gradients.size / NORM_CHUNK));
  const total = counts.reduce((a, b) => a + b, 0);
  const partials = gpu.empty([2 * total], "f32", "norm partials");
  let first = 0;
  for (const [i, { gradients }] of segments.entries()) {
    const uniforms = { length: gradients.size, first: 2 * first };
    gpu.dispatch(squareSumsWgsl(team), { gradients, partials }, uniforms, flatGrid(counts[i]!, 1));
    first += counts[i]!;
  }
  const stats = gpu.empty([4], "f32", "gradient stats");
  gpu.dispatch(finishNormWgsl(team), { partials, loss, stats }, { count: total, clipNorm }, [1]);
  return stats;
}
