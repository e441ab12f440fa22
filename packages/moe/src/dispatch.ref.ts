/** Where the rows of a dispatch go: the sorted order of the choices of T tokens. */
export interface DispatchPlanRef {
  /** Rows per token. */
  readonly K: number;
  /** Tokens per expert, [E]. */
  readonly load: Int32Array;
  /** Expert e owns rows offsets[e] to offsets[e + 1], [E + 1]. */
  readonly offsets: Int32Array;
  /** Row of each choice, [T, K]. */
  readonly position: Int32Array;
  /** Token of each row, [T K]. */
  readonly source: Int32Array;
}

/** Sort choices [T, K] by expert, tokens in order within an expert. */
export function planDispatchRef(indices: ArrayLike<number>, K: number, nRoutedExperts: number): DispatchPlanRef {
  const order = Array.from(indices, (expert, slot) => ({ expert, slot })).sort(
    (a, b) => a.expert - b.expert || a.slot - b.slot,
  );
  const load = new Int32Array(nRoutedExperts);
  const position = new Int32Array(indices.length);
  for (const [row, { expert, slot }] of order.entries()) {
    load[expert] += 1;
    position[slot] = row;
  }
  const offsets = Int32Array.from({ length: nRoutedExperts + 1 }, (_, e) =>
    load.slice(0, e).reduce((a, b) => a + b, 0),
  );
  return { K, load, offsets, position, source: Int32Array.from(order, ({ slot }) => Math.floor(slot / K)) };
}

/** rows[position[t, k]] = x[t], f64: x [T, D] to [T K, D]. */
export function dispatchRef(x: Float64Array, { source }: DispatchPlanRef, D: number): Float64Array {
  const rows = new Float64Array(source.length * D);
  source.forEach((t, row) => {
    rows.set(x.subarray(t * D, (t + 1) * D), row * D);
  });
  return rows;
}

/** Gradient of {@link dispatchRef}: dx[t] is the sum of the gradients of its rows. */
export function dispatchBackwardRef(gradRows: Float64Array, { source, K }: DispatchPlanRef, D: number): Float64Array {
  const gradX = new Float64Array(gradRows.length / K);
  source.forEach((t, row) => {
    for (let d = 0; d < D; d++) gradX[t * D + d] += gradRows[row * D + d];
  });
  return gradX;
}
