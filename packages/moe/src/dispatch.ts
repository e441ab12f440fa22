import { dims, flatGrid, type Gpu, record, type Tensor, teamOf } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { type RowParams, sumRowsWgsl } from "./combine.wgsl.ts";
import { copyRowsWgsl } from "./dispatch.wgsl.ts";
import type { DispatchPlan } from "./plan-dispatch.ts";

/**
 * Copies every token to the rows of its experts: rows[position[t, k]] = x[t].
 *
 * x f32 [T, D] -> [T K, D], sorted by expert. Differentiable: dx[t] is the sum of its K rows' gradients.
 * Cost: one dispatch forward, one backward.
 * @throws ShapeError when x has not the plan's number of tokens.
 */
export function dispatch(x: Tensor, plan: DispatchPlan): Tensor {
  const { T, K, position } = plan;
  const { D } = dims("dispatch", { x: `${T} D` }, { x }) as { D: number };
  assertDtype("dispatch", "f32", { x });
  const { gpu } = x;
  const rows = gpu.empty([T * K, D], "f32", "moe rows");
  const layout = rowLayout(gpu, D, K);
  gpu.dispatch(copyRowsWgsl(layout.params), { tokens: x, position, rows }, { T, K, D: layout.D }, flatGrid(T, 1));
  record(gpu, {
    label: "dispatch",
    inputs: [x],
    outputs: [rows],
    saved: [position],
    backward: ([gradRows], sink) => {
      sink.into(x, (sums, accumulate) => {
        const uniforms = { T, K, D: layout.D, given: 0, accumulate: accumulate ? 1 : 0 };
        // Without weights, base and residual, `rows` stands in for them, unread.
        const unread = { weights: gradRows!, base: gradRows!, residual: gradRows! };
        const reads = { rows: gradRows!, position, ...unread };
        gpu.dispatch(sumRowsWgsl(layout.params), { ...reads, sums }, uniforms, flatGrid(T, 1));
      });
    },
  });
  return rows;
}

/** How kernels walk rows of D floats, K a token: by vectors of four where D allows; `D` is then the number of vectors. */
export function rowLayout(gpu: Gpu, D: number, K: number): { params: RowParams; D: number } {
  const vectors = D % 4 === 0;
  return { params: { team: teamOf(gpu.target), vectors, K }, D: vectors ? D / 4 : D };
}
