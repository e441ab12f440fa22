/** Hyperparameters of {@link adamwRef}. */
export interface AdamwRefOptions {
  readonly learningRate: number;
  readonly step: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

/**
 * One AdamW step in f64, in place on p, m, v (Loshchilov and Hutter 2019, algorithm 2, with torch's bias corrections).
 * p, g, m, v: equal lengths.
 */
export function adamwRef(
  {
    p,
    g,
    m,
    v,
  }: { readonly p: Float64Array; readonly g: Float64Array; readonly m: Float64Array; readonly v: Float64Array },
  { learningRate, step, betas, eps, weightDecay }: AdamwRefOptions,
): void {
  for (let i = 0; i < p.length; i++) {
    m[i] = betas[0] * m[i] + (1 - betas[0]) * g[i];
    v[i] = betas[1] * v[i] + (1 - betas[1]) * g[i] * g[i];
    const mHat = m[i] / (1 - betas[0] ** step);
    const vHat = v[i] / (1 - betas[1] ** step);
    p[i] = p[i] * (1 - learningRate * weightDecay) - (learningRate * mHat) / (Math.sqrt(vHat) + eps);
  }
}
