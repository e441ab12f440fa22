import { dims, flatGrid, type GradientSink, record, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { combineBackwardWgsl, sumRowsWgsl } from "./combine.wgsl.ts";
import { rowLayout } from "./dispatch.ts";
import type { DispatchPlan } from "./plan-dispatch.ts";

/** Options of `combine`. */
export interface CombineOptions {
  /** f32 [T, D], added to the result: the shared experts' output. */
  readonly base?: Tensor;
  /** f32 [T, D], added last: the residual stream that the layer's result goes into. */
  readonly residual?: Tensor;
}

/**
 * Sums every token's expert outputs, weighted: y[t] = residual[t] + base[t] + sum_k weights[t, k] rows[position[t, k]].
 *
 * rows f32 or bf16 [T K, D] sorted by expert, weights f32 [T, K] -> y f32 [T, D]. Differentiable in rows (weight dy), weights
 * (dot of row and dy), base and residual; gradients are f32. The tape keeps rows as they are: bf16 is half of it. The
 * order of summation is that of `k`: results repeat bit for bit.
 * Cost: one dispatch forward, one backward.
 * @throws ShapeError when an operand does not fit the plan; DtypeError
 */
export function combine(rows: Tensor, weights: Tensor, plan: DispatchPlan, options: CombineOptions = {}): Tensor {
  const { T, K, position } = plan;
  const { base, residual } = options;
  const added = { ...(base ? { base } : {}), ...(residual ? { residual } : {}) };
  const patterns = { rows: `${T * K} D`, weights: `${T} ${K}` };
  const addedPatterns = Object.fromEntries(Object.keys(added).map((name) => [name, `${T} D`]));
  const { D } = dims("combine", { ...patterns, ...addedPatterns }, { rows, weights, ...added }) as { D: number };
  assertDtype("combine", ["f32", "bf16"], { rows });
  assertDtype("combine", "f32", { weights, ...added });
  const { gpu } = rows;
  const layout = rowLayout(gpu, D, K);
  const stored = rows.dtype === "bf16" ? ({ bf16: true } as const) : {};
  const y = gpu.empty([T, D], "f32", "moe combine");
  const uniforms = { T, K, D: layout.D, given: 2 + (base ? 1 : 0) + (residual ? 4 : 0), accumulate: 0 };
  // Stands in for what is not given, unread. A single row of bf16 is shorter than a vector of f32.
  const unread = base ?? residual ?? (rows.dtype === "bf16" ? gpu.empty([4], "f32", "moe combine") : rows);
  const operands = { rows, position, weights, base: base ?? unread, residual: residual ?? unread, sums: y };
  gpu.dispatch(sumRowsWgsl({ ...layout.params, ...stored }), operands, uniforms, flatGrid(T, 1));
  record(gpu, {
    label: "combine",
    inputs: [rows, weights, ...Object.values(added)],
    outputs: [y],
    saved: [rows, weights, position],
    backward: ([gradSums], sink) => {
      for (const input of Object.values(added)) sink.add(input, gradSums!);
      intoBoth(sink, rows, weights, (gradRows, gradWeights, accumulate) => {
        const { team, vectors } = layout.params;
        const operands = { rows, position, weights, gradSums: gradSums!, gradRows, gradWeights };
        const kernel = combineBackwardWgsl({ team, vectors, ...stored });
        gpu.dispatch(kernel, operands, { T, K, D: layout.D, accumulate }, flatGrid(T, 1));
      });
    },
  });
  return y;
}

/**
 * `sink.into` for a kernel that writes the gradients of two inputs at once: one that nobody wants goes to a tensor that is
 * dropped. Bits of `accumulate`: 1 adds to the first, 2 to the second.
 */
function intoBoth(
  sink: GradientSink,
  first: Tensor,
  second: Tensor,
  write: (first: Tensor, second: Tensor, accumulate: number) => void,
): void {
  if (!sink.wants(first) && !sink.wants(second)) return;
  const dropped = ({ gpu, shape }: Tensor): Tensor => gpu.empty(shape, "f32", "unwanted gradient");
  const withSecond = (target: Tensor, accumulate: number): void => {
    if (sink.wants(second)) sink.into(second, (other, adds) => write(target, other, accumulate + (adds ? 2 : 0)));
    else write(target, dropped(second), accumulate);
  };
  if (sink.wants(first)) sink.into(first, (target, adds) => withSecond(target, adds ? 1 : 0));
  else withSecond(dropped(first), 0);
}
