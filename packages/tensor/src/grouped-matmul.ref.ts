/** Sizes of {@link groupedMatmulRef}: group e owns rows offsets[e] .. offsets[e + 1]. */
export interface GroupedMatmulRefShape {
  readonly offsets: readonly number[];
  /** Columns of x. */
  readonly inFeatures: number;
  /** Columns of y. */
  readonly outFeatures: number;
}

/** One linear layer a group, f64: y_r = W_e x_r for the rows r of group e. x [R, I], weights [E, O, I] -> [R, O]. */
export function groupedMatmulRef(x: Float64Array, weights: Float64Array, shape: GroupedMatmulRefShape): Float64Array {
  const y = new Float64Array((x.length / shape.inFeatures) * shape.outFeatures);
  eachTerm(shape, (row, input, weight) => {
    y[row] = y[row]! + x[input]! * weights[weight]!;
  });
  return y;
}

/** Gradients of {@link groupedMatmulRef}: dx_r = W_e^T dy_r, dW_e = sum over its rows of dy_r x_r^T. */
export function groupedMatmulBackwardRef(
  dy: Float64Array,
  x: Float64Array,
  weights: Float64Array,
  shape: GroupedMatmulRefShape,
): { x: Float64Array; weights: Float64Array } {
  const gradients = { x: new Float64Array(x.length), weights: new Float64Array(weights.length) };
  eachTerm(shape, (row, input, weight) => {
    gradients.x[input] = gradients.x[input]! + dy[row]! * weights[weight]!;
    gradients.weights[weight] = gradients.weights[weight]! + dy[row]! * x[input]!;
  });
  return gradients;
}

/** Indices into y, x and weights of every product in the sum. */
function eachTerm(
  { offsets, inFeatures: I, outFeatures: O }: GroupedMatmulRefShape,
  visit: (output: number, input: number, weight: number) => void,
): void {
  for (let e = 0; e + 1 < offsets.length; e++) {
    for (let r = offsets[e]!; r < offsets[e + 1]!; r++) {
      for (let o = 0; o < O; o++) for (let i = 0; i < I; i++) visit(r * O + o, r * I + i, (e * O + o) * I + i);
    }
  }
}
