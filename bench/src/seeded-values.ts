/** Seeded ids in [0, below): the same in every run. */
export function seededIds(count: number, below: number): Int32Array {
  const next = generator();
  return Int32Array.from({ length: count }, () => Math.floor(next() * below));
}

/** Seeded values in [-0.5, 0.5): the same in every run. */
export function seededValues(count: number): Float32Array {
  const next = generator();
  return Float32Array.from({ length: count }, () => next() - 0.5);
}

/** A linear congruential generator (Numerical Recipes' constants), as numbers in [0, 1). */
function generator(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
