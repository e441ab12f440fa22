/** What {@link gradientNormRef} gives: the four numbers of `gradientNorm`. */
export interface GradientNormRef {
  /** Before clipping. */
  readonly norm: number;
  /** min(1, clipNorm / (norm + 1e-6)), as torch's `clip_grad_norm_` has it. */
  readonly scale: number;
  /** A gradient, the norm in f32, or the loss is NaN or infinite. */
  readonly isBad: boolean;
  readonly loss: number;
}

/** Global gradient norm over any number of gradients, in f64. */
export function gradientNormRef(
  gradients: readonly ArrayLike<number>[],
  loss: number,
  clipNorm: number,
): GradientNormRef {
  let squares = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) squares += gradient[i]! ** 2;
  }
  const norm = Math.sqrt(squares);
  const isBad = !Number.isFinite(Math.fround(squares)) || !Number.isFinite(loss);
  return { norm, scale: Math.min(1, clipNorm / (norm + 1e-6)), isBad, loss };
}
