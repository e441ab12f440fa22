/** Rows of weight [V, D] by id, f64: [T, D]. */
export function embeddingRef(weight: Float64Array, ids: ArrayLike<number>, D: number): Float64Array {
  const out = new Float64Array(ids.length * D);
  for (let t = 0; t < ids.length; t++) {
    for (let d = 0; d < D; d++) out[t * D + d] = weight[ids[t]! * D + d]!;
  }
  return out;
}

/** Gradient of {@link embeddingRef} for the weight [V, D]: row v is the sum of the rows of gradOut [T, D] whose id is v. */
export function embeddingBackwardRef(
  gradOut: Float64Array,
  ids: ArrayLike<number>,
  { V, D }: { readonly V: number; readonly D: number },
): Float64Array {
  const grad = new Float64Array(V * D);
  for (let t = 0; t < ids.length; t++) {
    for (let d = 0; d < D; d++) {
      const at = ids[t]! * D + d;
      grad[at] = grad[at]! + gradOut[t * D + d]!;
    }
  }
  return grad;
}
