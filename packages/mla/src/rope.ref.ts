import type { RopeTable } from "./rope-table.ts";

/**
 * Rotate adjacent pairs (x[2i], x[2i+1]) of every row by its position's angles, f64.
 *
 * x [P, H, R] with H heads a position and R = dim; tables [P, R/2]; returns [P, H, R], pairs kept adjacent (DeepSeek's layout).
 * `inverse` turns backwards: the transpose of the rotation, which is its gradient.
 */
export function rotateRef(
  x: Float64Array,
  { cos, sin }: RopeTable,
  { heads, dim, inverse = false }: { readonly heads: number; readonly dim: number; readonly inverse?: boolean },
): Float64Array {
  const out = new Float64Array(x.length);
  const pairs = dim / 2;
  for (let at = 0; at < x.length; at += 2) {
    const pair = (at / 2) % pairs;
    const row = Math.floor(at / (2 * pairs * heads));
    const c = cos[row * pairs + pair];
    const s = inverse ? -sin[row * pairs + pair] : sin[row * pairs + pair];
    out[at] = x[at] * c - x[at + 1] * s;
    out[at + 1] = x[at] * s + x[at + 1] * c;
  }
  return out;
}
