/** Sizes of a rotation: N heads of H columns a row, of which [from, from + size) turn. */
export interface RotaryRefShape {
  readonly N: number;
  readonly H: number;
  readonly from: number;
  readonly size: number;
}

/** Tables in f64, cos and sin [P, size / 2], and the table row of each row of x. */
export interface RotaryRefAngles {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly positions: ArrayLike<number>;
}

/**
 * Rotation of adjacent pairs in f64, as a product of complex numbers: (a + bi)(cos + i sin). x [T, N, H].
 * `direction` -1 turns by the negative angles, which is the gradient.
 */
export function rotaryRef(
  x: Float64Array,
  { cos, sin, positions }: RotaryRefAngles,
  { N, H, from, size }: RotaryRefShape,
  direction: 1 | -1 = 1,
): Float64Array {
  const out = x.slice();
  for (let head = 0; head < positions.length * N; head++) {
    const table = positions[Math.floor(head / N)]! * (size / 2);
    for (let pair = 0; pair < size / 2; pair++) {
      const at = head * H + from + 2 * pair;
      const c = cos[table + pair]!;
      const s = direction * sin[table + pair]!;
      out[at] = x[at]! * c - x[at + 1]! * s;
      out[at + 1] = x[at]! * s + x[at + 1]! * c;
    }
  }
  return out;
}
