/** Seeded standard-normal values for tests (mulberry32 and Box-Muller): the same on every machine. */
export function normals(count: number, seed: number): Float64Array {
  const uniform = uniforms(seed);
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** Seeded integers in [0, below). */
export function integers(count: number, below: number, seed: number): Int32Array {
  const uniform = uniforms(seed);
  return Int32Array.from({ length: count }, () => Math.floor(uniform() * below));
}

/** A seeded source of numbers in [0, 1). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
