/*
 * Root-mean-square norm (Zhang and Sennrich, 2019), row by row: y = x r weight with r = 1 / sqrt(mean(x^2) + eps).
 *
 * Backward, with g = dy weight: dx = r g - x r^3 mean(g x), and dweight = sum over rows of dy x r. Forward keeps r, one
 * number a row. The weight's gradient is summed without atomics, so that it is the same in every run: each workgroup
 * sums a chunk of rows for a block of columns, and a second kernel adds the chunks in order.
 */
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import {
  columnsPerGroup,
  rmsNormInputGradientWgsl,
  rmsNormWeightGradientWgsl,
  rmsNormWgsl,
  sumRowsWgsl,
} from "./rms-norm.wgsl.ts";
import { dispatchRows, lanesOf, rowsOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import { type KernelTarget, teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

const forwardKernel = cachedTemplate(rmsNormWgsl);
const inputGradientKernel = cachedTemplate(rmsNormInputGradientWgsl);
const weightGradientKernel = cachedTemplate(rmsNormWeightGradientWgsl);
const sumRowsKernel = cachedTemplate(sumRowsWgsl);

/** How to normalise. */
export interface RmsNormOptions {
  /** Added to the mean square; `rmsNormEps` of the config, 1e-6 in DeepSeek-V3. */
  readonly eps: number;
}

/**
 * RMSNorm of the last axis: x [..., D], weight [D], both f32; returns [..., D].
 *
 * @throws ShapeError when D differs or is 0; DtypeError; OutOfRangeError for an eps below 0.
 */
export function rmsNorm(x: Tensor, weight: Tensor, { eps }: RmsNormOptions): Tensor {
  const D = checkOperands(x, weight, eps);
  const { gpu } = x;
  const extent = { rows: rowsOf(x.shape), columns: D };
  const y = gpu.empty(x.shape, "f32", "rmsNorm");
  const inverseRms = gpu.empty([extent.rows], "f32", "rmsNorm inverse rms");
  const team = teamOf(gpu.target);
  dispatchRows(gpu, forwardKernel({ team }), { x, weight, y, inverseRms }, { D, eps }, extent);
  record(gpu, {
    label: "rmsNorm",
    inputs: [x, weight],
    outputs: [y],
    saved: [x, weight, inverseRms],
    backward: ([dy], sink) => {
      sink.into(x, (dx, accumulate) => {
        const kernel = inputGradientKernel({ team, accumulate });
        dispatchRows(gpu, kernel, { x, weight, inverseRms, dy: dy!, dx }, { D }, extent);
      });
      sink.into(weight, (out, accumulate) => weightGradient({ x, inverseRms, dy: dy! }, out, accumulate));
    },
  });
  return y;
}

type WeightGradientInputs = Readonly<Record<"x" | "inverseRms" | "dy", Tensor>>;

function weightGradient(inputs: WeightGradientInputs, out: Tensor, accumulate: boolean): void {
  const { gpu } = out;
  const D = out.size;
  const rows = inputs.inverseRms.size;
  const lanes = lanesOf(gpu.target);
  const blocks = Math.ceil(D / columnsPerGroup(lanes));
  const rowsPerGroup = rowsPerChunk(gpu.target, rows, blocks);
  const chunks = Math.max(1, Math.ceil(rows / rowsPerGroup));
  const uniforms = { rows, rowsPerGroup, D };
  if (chunks === 1) {
    gpu.dispatch(weightGradientKernel({ lanes, accumulate }), { ...inputs, out }, uniforms, [blocks]);
    return;
  }
  const partial = gpu.empty([chunks, D], "f32", "rmsNorm partial sums");
  gpu.dispatch(weightGradientKernel({ lanes }), { ...inputs, out: partial }, uniforms, [blocks, chunks]);
  const sumUniforms = { rows: chunks, rowsPerGroup: chunks, D };
  gpu.dispatch(sumRowsKernel({ lanes, accumulate }), { partial, out }, sumUniforms, [blocks]);
}

/** Workgroups to aim at, and chunks at most, which the second kernel adds one after the other. */
const SOFTWARE_GROUPS = 4;
const MAX_CHUNKS = 64;

/** A software adapter needs a few workgroups; other adapters as many as there are. */
function rowsPerChunk(target: KernelTarget, rows: number, blocks: number): number {
  const chunks = target.software ? Math.ceil(SOFTWARE_GROUPS / blocks) : MAX_CHUNKS;
  return Math.max(64, Math.ceil(rows / chunks));
}

function checkOperands(x: Tensor, weight: Tensor, eps: number): number {
  assertDtype("rmsNorm", "x", x, "f32");
  assertDtype("rmsNorm", "weight", weight, "f32");
  const D = x.shape.at(-1);
  if (!D || weight.shape.length !== 1 || weight.size !== D) {
    throw new ShapeError({
      op: "rmsNorm",
      operand: "weight",
      expected: `[D], D > 0 the last axis of x [${x.shape.join(", ")}]`,
      actual: `[${weight.shape.join(", ")}]`,
    });
  }
  if (!(eps >= 0)) throw new OutOfRangeError({ op: "rmsNorm", operand: "eps", expected: ">= 0", actual: `${eps}` });
  return D;
}
