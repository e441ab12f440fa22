/**
 * A row times a weight in f64, with what decoding fuses around it: x [A, K], weight [rows, K] row-major.
 *
 *   h = x, or x / sqrt(mean(x^2) + eps) * gain;  z = h weight^T
 *   y = z [A, rows];  z + residual;  or silu(z_n) z_(n + rows/2) [A, rows/2], silu(z) = z / (1 + e^-z)
 */
export function fusedMatvecRef(
  x: Float64Array,
  weight: Float64Array,
  K: number,
  options: { gain?: Float64Array; eps?: number; residual?: Float64Array; swiglu?: boolean },
): Float64Array {
  const A = x.length / K;
  const rows = weight.length / K;
  const z = new Float64Array(A * rows);
  for (let a = 0; a < A; a++) {
    const h = normed(x.subarray(a * K, (a + 1) * K), options.gain, options.eps ?? 0);
    for (let n = 0; n < rows; n++) for (let k = 0; k < K; k++) z[a * rows + n] += h[k] * weight[n * K + k];
  }
  if (options.residual) return z.map((value, i) => value + options.residual![i]);
  if (!options.swiglu) return z;
  const N = rows / 2;
  return Float64Array.from({ length: A * N }, (_, i) => {
    const [gate, up] = [z[Math.floor(i / N) * rows + (i % N)], z[Math.floor(i / N) * rows + N + (i % N)]];
    return (gate / (1 + Math.exp(-gate))) * up;
  });
}

function normed(x: Float64Array, gain: Float64Array | undefined, eps: number): Float64Array {
  if (!gain) return x;
  const mean = x.reduce((sum, v) => sum + v * v, 0) / x.length;
  return x.map((v, k) => (v / Math.sqrt(mean + eps)) * gain[k]);
}
