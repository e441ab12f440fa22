import type { DispatchPlanRef } from "./dispatch.ref.ts";

/** y[t] = sum_k weights[t, k] rows[position[t, k]], f64: rows [T K, D], weights [T, K] to y [T, D]. */
export function combineRef(rows: Float64Array, weights: Float64Array, plan: DispatchPlanRef, D: number): Float64Array {
  const y = new Float64Array(rows.length / plan.K);
  plan.position.forEach((row, slot) => {
    const t = Math.floor(slot / plan.K);
    for (let d = 0; d < D; d++) y[t * D + d] += weights[slot] * rows[row * D + d];
  });
  return y;
}

/** Gradients of {@link combineRef}: drows = weight dy of the row's token, dweights = row . dy. */
export function combineBackwardRef(
  gradOut: Float64Array,
  rows: Float64Array,
  weights: Float64Array,
  plan: DispatchPlanRef,
  D: number,
): { rows: Float64Array; weights: Float64Array } {
  const grads = { rows: new Float64Array(rows.length), weights: new Float64Array(weights.length) };
  plan.position.forEach((row, slot) => {
    const t = Math.floor(slot / plan.K);
    for (let d = 0; d < D; d++) {
      grads.rows[row * D + d] = weights[slot] * gradOut[t * D + d];
      grads.weights[slot] += rows[row * D + d] * gradOut[t * D + d];
    }
  });
  return grads;
}
