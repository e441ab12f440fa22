/*
 * Products of few rows with a weight, with what comes before and after fused in: how decoding at small batches spends its
 * time. One dispatch each, every weight read once a row.
 */
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { dims } from "./dims.ts";
import { type FusedMatvecParams, fusedMatvecWgsl, isLongRow, MAX_DOT_ROWS } from "./fused-matvec.wgsl.ts";
import { assertDtype } from "./gpu.ts";
import { MAX_GROUPS } from "./grid.ts";
import { cachedTemplate } from "./kernel.ts";
import { type KernelTarget, teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

const kernelOf = cachedTemplate(fusedMatvecWgsl);

/** RMSNorm of rows: x / sqrt(mean(x^2) + eps) * gain. */
export interface RowNorm {
  /** f32 [K], as long as a row. */
  readonly gain: Tensor;
  readonly eps: number;
}

/** What is fused into the product. */
export interface FusedMatvecOptions {
  /** Of each row of x before the product. */
  readonly norm?: RowNorm;
  /** weight is [2N, K], gate rows first: y = silu(x gate^T) * (x up^T). */
  readonly swiglu?: boolean;
  /** [A, N], added to the result; not together with `swiglu`. */
  readonly residual?: Tensor;
}

/**
 * y = f(x) weight^T of a few rows: x [A, K], weight [N, K] f32 -> y [A, N], in one dispatch. Not differentiable.
 *
 * Reads the weight once for each row of x, so `matmul` is the faster choice for many.
 * @throws ShapeError, also unless K is a positive multiple of 4; DtypeError; OutOfRangeError for `swiglu` with a residual.
 */
export function fusedMatvec(x: Tensor, weight: Tensor, options: FusedMatvecOptions = {}): Tensor {
  const { norm, swiglu = false, residual } = options;
  const { A, K, rows } = checkOperands(x, weight, options);
  const N = swiglu ? rows / 2 : rows;
  const { gpu } = x;
  const y = gpu.empty([A, N], "f32", "fused matvec");
  const epilogue: FusedMatvecParams["epilogue"] = swiglu ? "swiglu" : residual ? "add" : "none";
  const team = teamOf(gpu.target);
  const kernel = kernelOf({ team, norm: norm !== undefined, epilogue, long: isLongRow(team, K) });
  const operands = { x, weight, y, ...(norm ? { gain: norm.gain } : {}), ...(residual ? { residual } : {}) };
  const rowsPerGroup = dotRowsPerGroup(gpu.target, N);
  const uniforms = { N, K4: K / 4, rowsPerGroup, eps: norm?.eps ?? 0 };
  gpu.dispatch(kernel, operands, uniforms, [Math.ceil(N / rowsPerGroup), A], { flops: 2 * A * rows * K });
  return y;
}

/**
 * Weight rows of a workgroup among N: on a software adapter many, since each group loads x anew, but an even number of
 * groups for its threads; elsewhere few, so that all cores have some.
 */
export function dotRowsPerGroup({ software }: KernelTarget, N: number): number {
  if (!software) return Math.max(4, Math.ceil(N / MAX_GROUPS));
  const groups = 2 * Math.ceil(N / (2 * MAX_DOT_ROWS));
  return Math.max(1, Math.ceil(N / Math.max(groups, N >= 256 ? 8 : 2)));
}

function checkOperands(
  x: Tensor,
  weight: Tensor,
  { norm, swiglu, residual }: FusedMatvecOptions,
): { readonly A: number; readonly K: number; readonly rows: number } {
  const op = "fusedMatvec";
  const { A, K, rows } = dims(op, { x: "A K", weight: "rows K" }, { x, weight });
  const operands = { x, weight, ...(norm ? { gain: norm.gain } : {}), ...(residual ? { residual } : {}) };
  for (const [name, tensor] of Object.entries(operands)) assertDtype(op, name, tensor, "f32");
  if (K === 0 || K % 4 !== 0) {
    throw new ShapeError({
      op,
      operand: "x",
      expected: "rows of a positive multiple of 4 numbers",
      actual: `${K}`,
      hint: "Use rmsNorm, matmul and add.",
    });
  }
  if (norm) dims(op, { x: "A K", gain: "K" }, { x, gain: norm.gain });
  if (swiglu && rows % 2 !== 0) {
    throw new ShapeError({ op, operand: "weight", expected: "gate and up rows, an even number", actual: `${rows}` });
  }
  if (swiglu && residual) {
    const expected = "none with swiglu";
    throw new OutOfRangeError({ op, operand: "residual", expected, actual: `[${residual.shape.join(", ")}]` });
  }
  if (residual) dims(op, { weight: "N K", residual: "A N", x: "A K" }, { weight, residual, x });
  return { A, K, rows };
}
