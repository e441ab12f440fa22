/** sums[n] = sum of values[starts[n]] up to values[starts[n + 1]] (excluded). starts has N + 1 entries. */
export function sumSequencesRef(values: ArrayLike<number>, starts: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: starts.length - 1 }, (_, n) => {
    let sum = 0;
    for (let i = starts[n]!; i < starts[n + 1]!; i++) sum += values[i]!;
    return sum;
  });
}

/** Every value gets the gradient of its sequence's sum. */
export function sumSequencesBackwardRef(gradSums: ArrayLike<number>, starts: ArrayLike<number>): Float64Array {
  const gradient = new Float64Array(starts[starts.length - 1]!);
  for (let n = 0; n + 1 < starts.length; n++) gradient.fill(gradSums[n]!, starts[n]!, starts[n + 1]!);
  return gradient;
}
