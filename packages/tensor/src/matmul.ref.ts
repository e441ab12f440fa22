/** Sizes of a product [m, k] x [k, n], and whether an operand is stored transposed. */
export interface MatmulRefShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** `a` is stored [k, m]. */
  readonly transposeA?: boolean;
  /** `b` is stored [n, k]. */
  readonly transposeB?: boolean;
}

/**
 * Matrix product in f64, by the definition c_ij = sum_l a_il b_lj.
 *
 * a [m, k] (or [k, m]), b [k, n] (or [n, k]); returns [m, n].
 */
export function matmulRef(a: Float64Array, b: Float64Array, shape: MatmulRefShape): Float64Array {
  const { m, k, n, transposeA = false, transposeB = false } = shape;
  const out = new Float64Array(m * n);
  const [rowA, columnA] = transposeA ? [1, m] : [k, 1];
  const [rowB, columnB] = transposeB ? [1, k] : [n, 1];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[i * rowA + l * columnA] * b[l * rowB + j * columnB];
      out[i * n + j] = sum;
    }
  }
  return out;
}

/** Gradients of {@link matmulRef}: dA = dC B^T and dB = A^T dC, each in the layout its operand is stored in. */
export function matmulBackwardRef(
  gradOut: Float64Array,
  a: Float64Array,
  b: Float64Array,
  shape: MatmulRefShape,
): { a: Float64Array; b: Float64Array } {
  const { m, k, n, transposeA = false, transposeB = false } = shape;
  return {
    a: transposeA
      ? matmulRef(b, gradOut, { m: k, k: n, n: m, transposeA: transposeB, transposeB: true })
      : matmulRef(gradOut, b, { m, k: n, n: k, transposeB: !transposeB }),
    b: transposeB
      ? matmulRef(gradOut, a, { m: n, k: m, n: k, transposeA: true, transposeB: transposeA })
      : matmulRef(a, gradOut, { m: k, k: m, n, transposeA: !transposeA }),
  };
}

/** A linear layer without bias in f64: y = x W^T. x [T, inFeatures], weight [out, inFeatures]; returns [T, out]. */
export function linearRef(x: Float64Array, weight: Float64Array, inFeatures: number): Float64Array {
  return matmulRef(x, weight, linearShape(x, weight, inFeatures));
}

/** Gradients of {@link linearRef}: dx = dy W and dW = dy^T x. */
export function linearBackwardRef(
  gradOut: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  inFeatures: number,
): { x: Float64Array; weight: Float64Array } {
  const { a, b } = matmulBackwardRef(gradOut, x, weight, linearShape(x, weight, inFeatures));
  return { x: a, weight: b };
}

function linearShape(x: Float64Array, weight: Float64Array, inFeatures: number): MatmulRefShape {
  return { m: x.length / inFeatures, k: inFeatures, n: weight.length / inFeatures, transposeB: true };
}
