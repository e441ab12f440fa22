/** Sizes of {@link keyValueRef}. */
export interface KeyValueRefShape {
  /** Tokens, heads. */
  readonly T: number;
  readonly N: number;
  /** Widths of a head's own key part, of the shared rotated key, and of a value. */
  readonly nope: number;
  readonly rope: number;
  readonly value: number;
}

/**
 * Keys [k_C; k_R] and values of every head (DeepSeek-V3 report, Eq. 4 and 5), in f64, with their backward pass.
 * kv [T, N, nope + value], ropeKey [T, rope] -> k [T, N, nope + rope], v [T, N, value].
 */
export function keyValueRef(
  { T, N, nope, rope, value }: KeyValueRefShape,
  kv: Float64Array,
  ropeKey: Float64Array,
): {
  readonly k: Float64Array;
  readonly v: Float64Array;
  readonly backward: (dk: Float64Array, dv: Float64Array) => { kv: Float64Array; ropeKey: Float64Array };
} {
  const k = new Float64Array(T * N * (nope + rope));
  const v = new Float64Array(T * N * value);
  const pairs = Array.from({ length: T * N }, (_, row) => ({ row, t: Math.floor(row / N) }));
  for (const { row, t } of pairs) {
    for (let i = 0; i < nope; i++) k[row * (nope + rope) + i] = kv[row * (nope + value) + i]!;
    for (let i = 0; i < rope; i++) k[row * (nope + rope) + nope + i] = ropeKey[t * rope + i]!;
    for (let i = 0; i < value; i++) v[row * value + i] = kv[row * (nope + value) + nope + i]!;
  }
  const backward = (dk: Float64Array, dv: Float64Array): { kv: Float64Array; ropeKey: Float64Array } => {
    const gradients = { kv: new Float64Array(kv.length), ropeKey: new Float64Array(ropeKey.length) };
    for (const { row, t } of pairs) {
      for (let i = 0; i < nope; i++) gradients.kv[row * (nope + value) + i] = dk[row * (nope + rope) + i]!;
      for (let i = 0; i < rope; i++) gradients.ropeKey[t * rope + i]! += dk[row * (nope + rope) + nope + i]!;
      for (let i = 0; i < value; i++) gradients.kv[row * (nope + value) + nope + i] = dv[row * value + i]!;
    }
    return gradients;
  };
  return { k, v, backward };
}
