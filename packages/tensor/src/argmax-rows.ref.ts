/** The smallest index of the largest value of each row of V numbers. */
export function argmaxRowsRef(logits: Float64Array, V: number): number[] {
  return Array.from({ length: logits.length / V }, (_, t) => {
    const row = logits.subarray(t * V, (t + 1) * V);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
}
