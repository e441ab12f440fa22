import { ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { operandDtype } from "./matmul-operands.ts";
import { type GroupedMatmulShape, groupTileCount, planGroupedMatmul, planGroupTable } from "./matmul-plan.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Rows sorted by group: where each group starts, and the table that maps row tiles to groups. Lives on the GPU. */
export interface RowGroups {
  /** u32 [E + 1]: group e owns rows offsets[e] to offsets[e + 1]. */
  readonly offsets: Tensor;
  readonly tiles: Tensor;
  readonly R: number;
  readonly E: number;
}

/**
 * Prepares products of rows that are sorted by group (expert), without reading the counts back.
 *
 * offsets u32 [E + 1]; `rows` is the static capacity, at least offsets[E].
 */
export function createRowGroups(offsets: Tensor, rows: number): RowGroups {
  assertDtype("createRowGroups", "offsets", offsets, "u32");
  const { gpu } = offsets;
  const E = offsets.size - 1;
  const tiles = gpu.empty([Math.max(1, groupTileCount(gpu.target, rows, E)), 4], "u32", "group tiles");
  const { kernel, uniforms, groups } = planGroupTable(gpu.target, { R: rows, E });
  gpu.dispatch(kernel, { offsets, tiles }, uniforms, groups);
  return { offsets, tiles, R: rows, E };
}

/**
 * y[rows of e] = x[rows of e] W_e^T: one linear layer an expert, over rows sorted by expert.
 *
 * x [R, I], weights [E, O, I], each f32, f16 or bf16 -> [R, O], f32, accumulated in f32. Differentiable in x and
 * weights; an expert without rows gets a zero gradient. Cost: forward, dgrad and wgrad one dispatch each whatever the loads.
 * @throws ShapeError when R, E or I differ; DtypeError for operands of integers.
 */
export function groupedMatmul(x: Tensor, weights: Tensor, groups: RowGroups): Tensor {
  operandDtype("groupedMatmul", "x", x);
  operandDtype("groupedMatmul", "weights", weights);
  const { R, E } = groups;
  const [rows, I] = x.shape as [number, number];
  const [experts, O, inner] = weights.shape as [number, number, number];
  if (x.shape.length !== 2 || weights.shape.length !== 3 || rows !== R || experts !== E || inner !== I) {
    throw new ShapeError({
      op: "groupedMatmul",
      operand: "weights",
      expected: `x [R=${R}, I] and weights [E=${E}, O, I]`,
      actual: `${x} and ${weights}`,
    });
  }
  const y = x.gpu.empty([R, O], "f32", "groupedMatmul");
  groupedProduct({ grouped: "rows", layout: "nt", R, E, N: O, K: I }, groups, x, weights, y);
  record(x.gpu, {
    label: "groupedMatmul",
    inputs: [x, weights],
    outputs: [y],
    saved: [x, weights, groups.offsets, groups.tiles],
    backward: ([dy], sink) => {
      sink.into(x, (target, accumulate) =>
        groupedProduct({ grouped: "rows", layout: "nn", R, E, N: I, K: O, accumulate }, groups, dy!, weights, target),
      );
      sink.into(weights, (target, accumulate) =>
        groupedProduct({ grouped: "k", layout: "tn", R, E, M: O, N: I, accumulate }, groups, dy!, x, target),
      );
    },
  });
  return y;
}

/** One product of experts of checked operands into memory that is there, unrecorded: for backward rules. */
export function groupedProduct(
  shape: GroupedMatmulShape,
  { offsets, tiles }: RowGroups,
  A: Tensor,
  B: Tensor,
  C: Tensor,
): void {
  const dtypes = { dtypeA: operandDtype("groupedMatmul", "x", A), dtypeB: operandDtype("groupedMatmul", "weights", B) };
  const plan = planGroupedMatmul(C.gpu.target, { ...shape, ...dtypes });
  const operands = { A, B, C, ...(shape.grouped === "rows" ? { tiles } : { offsets }) };
  // At the static capacity: how many rows are in use is known to the GPU alone.
  const flops = 2 * shape.R * (shape.grouped === "rows" ? shape.N * shape.K : shape.M * shape.N);
  C.gpu.dispatch(plan.kernel, operands, plan.uniforms, plan.groups, { flops });
}
