/** a + factor b in f64, element by element. */
export function addScaledRef(a: Float64Array, b: Float64Array, factor = 1): Float64Array {
  return a.map((value, i) => value + factor * b[i]!);
}

/** factor a in f64. */
export function scaleRef(a: Float64Array, factor: number): Float64Array {
  return a.map((value) => factor * value);
}

/** a b in f64, element by element. */
export function mulRef(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * b[i]!);
}
