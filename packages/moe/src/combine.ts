import { dims, flatGrid, record, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { combineBackwardWgsl, sumRowsWgsl } from "./combine.wgsl.ts";
import { rowLayout } from "./dispatch.ts";
import type { DispatchPlan } from "./plan-dispatch.ts";

/** Options of `combine`. */
export interface CombineOptions {
  /** f32 [T, D], added to the result: the shared experts' output. */
  readonly base?: Tensor;
}

/**
 * Sums every token's expert outputs, weighted: y[t] = base[t] + sum_k weights[t, k] rows[position[t, k]].
 *
 * rows f32 [T K, D] sorted by expert, weights f32 [T, K] -> y [T, D]. Differentiable in rows (weight dy), weights
 * (dot of row and dy) and base. The order of summation is that of `k`: results repeat bit for bit.
 * Cost: one dispatch forward, one backward.
 * @throws ShapeError when an operand does not fit the plan.
 */
export function combine(rows: Tensor, weights: Tensor, plan: DispatchPlan, { base }: CombineOptions = {}): Tensor {
  const { T, K, position } = plan;
  const patterns = { rows: `${T * K} D`, weights: `${T} ${K}`, ...(base ? { base: `${T} D` } : {}) };
  const { D } = dims("combine", patterns, { rows, weights, ...(base ? { base } : {}) }) as { D: number };
  assertDtype("combine", "f32", { rows, weights, ...(base ? { base } : {}) });
  const { gpu } = rows;
  const layout = rowLayout(gpu, D, K);
  const y = gpu.empty([T, D], "f32", "moe combine");
  const uniforms = { T, K, D: layout.D, given: base ? 3 : 2, accumulate: 0 };
  const operands = { rows, position, weights, base: base ?? rows, sums: y };
  gpu.dispatch(sumRowsWgsl(layout.params), operands, uniforms, flatGrid(T, 1));
  record(gpu, {
    label: "combine",
    inputs: base ? [rows, weights, base] : [rows, weights],
    outputs: [y],
    saved: [rows, weights, position],
    backward: ([gradSums], sink) => {
      if (base) sink.add(base, gradSums!);
      const write = (gradRows: Tensor, gradWeights: Tensor, accumulate: number): void =>
        gpu.dispatch(
          combineBackwardWgsl({ team: layout.params.team, vectors: layout.params.vectors }),
          { rows, position, weights, gradSums: gradSums!, gradRows, gradWeights },
          { T, K, D: layout.D, accumulate },
          flatGrid(T, 1),
        );
      const unwanted = (input: Tensor): Tensor => gpu.empty(input.shape, "f32", "unwanted gradient");
      if (!sink.wants(rows)) {
        sink.into(weights, (target, add) => write(unwanted(rows), target, add ? 2 : 0));
      } else if (!sink.wants(weights)) {
        sink.into(rows, (target, add) => write(target, unwanted(weights), add ? 1 : 0));
      } else {
        sink.into(rows, (gradRows, addRows) =>
          sink.into(weights, (gradWeights, addWeights) =>
            write(gradRows, gradWeights, (addRows ? 1 : 0) + (addWeights ? 2 : 0)),
          ),
        );
      }
    },
  });
  return y;
}
