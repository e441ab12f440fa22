/*
 * Cuts the last axis and norms some of the parts, in one kernel: what one fused projection gives to several consumers.
 * The equations are those of `rmsNorm`; so is the way in which the weights' gradients are summed.
 */
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchNorm, dispatchNormGradient } from "./norm-dispatch.ts";
import type { RmsNormOptions } from "./rms-norm.ts";
import { rowsOf, vectorWidth } from "./row-kernel.ts";
import { splitRmsNormGradientWgsl, splitRmsNormWgsl } from "./split-rms-norm.wgsl.ts";
import { record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

const forwardKernel = cachedTemplate(splitRmsNormWgsl);
const gradientKernel = cachedTemplate(splitRmsNormGradientWgsl);

/** A run of columns: normed with its weight, or copied. */
export interface NormedColumns {
  readonly size: number;
  /** f32 [size]; absent: the columns as they are. */
  readonly weight?: Tensor;
}

/** Parts, and parts with a weight, that fit WebGPU's 8 storage buffers in backward. */
const MAX_PARTS = 3;
const MAX_WEIGHTS = 2;

/**
 * x [..., C] f32 -> for each part [..., size], the RMSNorm of its columns where it has a weight, else a copy.
 *
 * At most three parts, two of them with a weight, no weight twice. One dispatch forward; backward one, and one that adds
 * up the weights' gradients.
 * @throws ShapeError when the sizes are not positive integers that add up to C, a weight does not fit its part, or there
 * are too many parts; DtypeError; OutOfRangeError for an eps below 0.
 */
export function splitRmsNorm(x: Tensor, parts: readonly NormedColumns[], { eps }: RmsNormOptions): Tensor[] {
  checkOperands(x, parts, eps);
  const { gpu } = x;
  const rows = rowsOf(x.shape);
  const width = vectorWidth(...parts.map(({ size }) => size));
  const normed = parts.map(({ weight }) => weight !== undefined);
  const params = { team: teamOf(gpu.target), normed, vectors: width > 1 };
  const { uniforms, weights } = layOut(parts, width);
  const lead = x.shape.slice(0, -1);
  const outputs = parts.map(({ size }) => gpu.empty([...lead, size], "f32", "splitRmsNorm"));
  const reads = {
    x,
    ...named(
      "weight",
      parts.map(({ weight }) => weight),
    ),
  };
  const operands = { ...reads, ...named("part", outputs) };
  const scalars = { ...uniforms, C: x.shape.at(-1)! / width, eps };
  dispatchNorm(gpu, forwardKernel(params), { operands, uniforms: scalars, rows });
  record(gpu, {
    label: "splitRmsNorm",
    inputs: [x, ...weights],
    outputs,
    saved: [x, ...weights],
    backward: (gradients, sink) => {
      const arrived = outputs.map(({ shape }, p) => gradients[p] ?? gpu.zeros(shape));
      const run = (dx: Tensor, accumulate: boolean): void => {
        const kernel = gradientKernel({ ...params, accumulate });
        const dispatch = { operands: { ...reads, ...named("dpart", arrived), dx }, uniforms: scalars, rows };
        dispatchNormGradient(gpu, kernel, dispatch, weights, sink);
      };
      if (sink.wants(x)) sink.into(x, run);
      else run(gpu.empty(x.shape, "f32", "unwanted gradient"), false);
    },
  });
  return outputs;
}

/** Where each part's columns start, and where the sums for its weight, in elements of `unit` floats. */
function layOut(
  parts: readonly NormedColumns[],
  unit: number,
): { uniforms: Record<string, number>; weights: Tensor[] } {
  const uniforms: Record<string, number> = {};
  const weights: Tensor[] = [];
  let [from, sums] = [0, 0];
  for (const [p, { size: floats, weight }] of parts.entries()) {
    const size = floats / unit;
    uniforms[`from${p}`] = from;
    uniforms[`width${p}`] = size;
    from += size;
    if (!weight) continue;
    uniforms[`sum${p}`] = sums;
    sums += size;
    weights.push(weight);
  }
  uniforms.sums = sums;
  return { uniforms, weights };
}

function named(name: string, tensors: readonly (Tensor | undefined)[]): Record<string, Tensor> {
  return Object.fromEntries(tensors.flatMap((tensor, p) => (tensor ? [[`${name}${p}`, tensor]] : [])));
}

function checkOperands(x: Tensor, parts: readonly NormedColumns[], eps: number): void {
  const op = "splitRmsNorm";
  assertDtype(op, "x", x, "f32");
  const weights = parts.flatMap(({ weight }) => (weight ? [weight] : []));
  if (parts.length > MAX_PARTS || weights.length > MAX_WEIGHTS || new Set(weights).size < weights.length) {
    const expected = `at most ${MAX_PARTS} parts, ${MAX_WEIGHTS} different weights`;
    throw new ShapeError({
      op,
      operand: "parts",
      expected,
      actual: `${parts.length}, ${weights.length} with a weight`,
    });
  }
  const sizes = parts.map(({ size }) => size);
  const isWhole = sizes.every((size) => Number.isInteger(size) && size > 0);
  if (!isWhole || sizes.reduce((a, b) => a + b, 0) !== x.shape.at(-1)) {
    const expected = `sizes > 0 that add up to the last axis of x [${x.shape.join(", ")}]`;
    throw new ShapeError({ op, operand: "parts", expected, actual: `[${sizes.join(", ")}]` });
  }
  for (const [p, { size, weight }] of parts.entries()) {
    if (!weight) continue;
    assertDtype(op, `parts[${p}].weight`, weight, "f32");
    if (weight.shape.length === 1 && weight.size === size) continue;
    const operand = `parts[${p}].weight`;
    throw new ShapeError({ op, operand, expected: `[${size}]`, actual: `[${weight.shape.join(", ")}]` });
  }
  if (!(eps >= 0)) throw new OutOfRangeError({ op, operand: "eps", expected: ">= 0", actual: `${eps}` });
}
