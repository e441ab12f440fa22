/*
 * Root-mean-square norm (Zhang and Sennrich, 2019), row by row: y = x r weight with r = 1 / sqrt(mean(x^2) + eps).
 *
 * Backward, with g = dy weight: dx = r g - x r^3 mean(g x), and dweight = sum over rows of dy x r. Both come from one
 * kernel, which computes r anew. The weight's gradient is summed without atomics, so that it is the same in every run:
 * each workgroup sums its rows, and a second kernel adds these sums in order.
 */
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchNorm, dispatchNormGradient } from "./norm-dispatch.ts";
import { rmsNormGradientWgsl, rmsNormWgsl } from "./rms-norm.wgsl.ts";
import { rowsOf, vectorWidth } from "./row-kernel.ts";
import { type GradientSink, record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

const forwardKernel = cachedTemplate(rmsNormWgsl);
const gradientKernel = cachedTemplate(rmsNormGradientWgsl);

/** How to normalise. */
export interface RmsNormOptions {
  /** Added to the mean square; `rmsNormEps` of the config, 1e-6 in DeepSeek-V3. */
  readonly eps: number;
}

/** A residual stream and its norm. */
export interface SumAndNorm {
  /** x + y [..., D]. */
  readonly sum: Tensor;
  /** rmsNorm(x + y) [..., D]. */
  readonly normed: Tensor;
}

/**
 * RMSNorm of the last axis: x [..., D], weight [D], both f32; returns [..., D].
 *
 * Cost: one dispatch forward, two backward (one up to 64 rows).
 * @throws ShapeError when D differs or is 0; DtypeError; OutOfRangeError for an eps below 0.
 */
export function rmsNorm(x: Tensor, weight: Tensor, { eps }: RmsNormOptions): Tensor {
  checkNorm("rmsNorm", { x, weight, eps });
  const { gpu } = x;
  const y = gpu.empty(x.shape, "f32", "rmsNorm");
  const width = vectorWidth(weight.size);
  const kernel = forwardKernel({ team: teamOf(gpu.target), vectors: width > 1 });
  const uniforms = { D: weight.size / width, eps };
  dispatchNorm(gpu, kernel, { operands: { x, weight, y }, uniforms, rows: rowsOf(x.shape) });
  record(gpu, {
    label: "rmsNorm",
    inputs: [x, weight],
    outputs: [y],
    saved: [x, weight],
    backward: ([dy], sink) => {
      const given = { x, weight, dy: dy!, eps };
      if (sink.wants(x)) sink.into(x, (dx, accumulate) => gradients(given, dx, accumulate ? "dx" : "none", sink));
      else gradients(given, gpu.empty(x.shape, "f32", "unwanted gradient"), "none", sink);
    },
  });
  return y;
}

/**
 * Residual addition and RMSNorm in one: sum = x + y and normed = rmsNorm(sum). x, y [..., D], weight [D], all f32.
 *
 * Backward gives both inputs one gradient, that of the sum plus that which comes through the norm, from the kernel that
 * also sums the weight's. Cost: one dispatch forward, two backward (one up to 64 rows).
 * @throws ShapeError when x and y differ in shape, D differs or is 0; DtypeError; OutOfRangeError for an eps below 0.
 */
export function addRmsNorm(x: Tensor, y: Tensor, weight: Tensor, { eps }: RmsNormOptions): SumAndNorm {
  checkNorm("addRmsNorm", { x, weight, eps });
  assertDtype("addRmsNorm", "y", y, "f32");
  if (`${y.shape}` !== `${x.shape}`) throw shapeError("addRmsNorm", "y", `[${x.shape.join(", ")}], the shape of x`, y);
  const { gpu } = x;
  const sum = gpu.empty(x.shape, "f32", "addRmsNorm sum");
  const normed = gpu.empty(x.shape, "f32", "addRmsNorm");
  const operands = { a: x, b: y, weight, x: sum, y: normed };
  const width = vectorWidth(weight.size);
  const kernel = forwardKernel({ team: teamOf(gpu.target), vectors: width > 1, adds: true });
  dispatchNorm(gpu, kernel, { operands, uniforms: { D: weight.size / width, eps }, rows: rowsOf(x.shape) });
  record(gpu, {
    label: "addRmsNorm",
    inputs: [x, y, weight],
    outputs: [sum, normed],
    saved: [sum, weight],
    backward: ([dsum, dy], sink) => {
      const gradient = dy ? gpu.empty(sum.shape, "f32", "addRmsNorm gradient") : dsum!;
      const given = { x: sum, weight, eps, ...(dsum ? { dsum } : {}) };
      if (dy) gradients({ ...given, dy }, gradient, dsum ? "dsum" : "none", sink);
      sink.add(x, gradient);
      sink.add(y, gradient);
    },
  });
  return { sum, normed };
}

/** What the backward kernel reads. */
interface GradientInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly dy: Tensor;
  readonly dsum?: Tensor;
  readonly eps: number;
}

function gradients(
  { eps, ...reads }: GradientInputs,
  dx: Tensor,
  base: "none" | "dx" | "dsum",
  sink: GradientSink,
): void {
  const { x, weight } = reads;
  const width = vectorWidth(weight.size);
  const kernel = gradientKernel({ team: teamOf(dx.gpu.target), vectors: width > 1, base });
  const dispatch = { operands: { ...reads, dx }, uniforms: { D: weight.size / width, eps }, rows: rowsOf(x.shape) };
  dispatchNormGradient(dx.gpu, kernel, dispatch, [weight], sink);
}

function checkNorm(op: string, { x, weight, eps }: { x: Tensor; weight: Tensor; eps: number }): void {
  assertDtype(op, "x", x, "f32");
  assertDtype(op, "weight", weight, "f32");
  const D = x.shape.at(-1);
  if (!D || weight.shape.length !== 1 || weight.size !== D) {
    throw shapeError(op, "weight", `[D], D > 0 the last axis of x [${x.shape.join(", ")}]`, weight);
  }
  if (!(eps >= 0)) throw new OutOfRangeError({ op, operand: "eps", expected: ">= 0", actual: `${eps}` });
}

function shapeError(op: string, operand: string, expected: string, { shape }: Tensor): ShapeError {
  return new ShapeError({ op, operand, expected, actual: `[${shape.join(", ")}]` });
}
