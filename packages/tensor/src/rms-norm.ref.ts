/**
 * Root-mean-square norm in f64: y = x / sqrt(mean(x^2) + eps) * weight, row by row.
 *
 * x [T, D], weight [D]; returns [T, D].
 */
export function rmsNormRef(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const D = weight.length;
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += D) {
    const scale = inverseRms(x, start, D, eps);
    for (let i = 0; i < D; i++) out[start + i] = x[start + i] * scale * weight[i];
  }
  return out;
}

/**
 * Gradients of {@link rmsNormRef}. With r = 1 / sqrt(mean(x^2) + eps) and g = dy * weight:
 * dx = r g - x r^3 mean(g x), dweight = sum over rows of dy x r.
 */
export function rmsNormBackwardRef(
  gradOut: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
): { x: Float64Array; weight: Float64Array } {
  const D = weight.length;
  const gradX = new Float64Array(x.length);
  const gradWeight = new Float64Array(D);
  for (let start = 0; start < x.length; start += D) {
    const r = inverseRms(x, start, D, eps);
    let dot = 0;
    for (let i = 0; i < D; i++) dot += gradOut[start + i] * weight[i] * x[start + i];
    const pull = (dot / D) * r * r * r;
    for (let i = 0; i < D; i++) {
      gradX[start + i] = gradOut[start + i] * weight[i] * r - x[start + i] * pull;
      gradWeight[i] += gradOut[start + i] * x[start + i] * r;
    }
  }
  return { x: gradX, weight: gradWeight };
}

function inverseRms(x: Float64Array, start: number, D: number, eps: number): number {
  let sum = 0;
  for (let i = 0; i < D; i++) sum += x[start + i] ** 2;
  return 1 / Math.sqrt(sum / D + eps);
}
