/** Cuts the rows of x [rows, sum of sizes], f64, into [rows, sizes[p]] each. */
export function splitColumnsRef(x: Float64Array, sizes: readonly number[]): Float64Array[] {
  const C = sizes.reduce((a, b) => a + b, 0);
  const rows = C === 0 ? 0 : x.length / C;
  let offset = 0;
  return sizes.map((size) => {
    const part = new Float64Array(rows * size);
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < size; c++) part[row * size + c] = x[row * C + offset + c]!;
    }
    offset += size;
    return part;
  });
}

/** Joins parts [rows, sizes[p]], f64, to [rows, sum of sizes]. The inverse, and so the gradient, of splitColumnsRef. */
export function concatColumnsRef(parts: readonly Float64Array[], sizes: readonly number[]): Float64Array {
  const C = sizes.reduce((a, b) => a + b, 0);
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const [p, size] of sizes.entries()) {
    for (let i = 0; i < parts[p]!.length; i++) {
      whole[Math.floor(i / size) * C + offset + (i % size)] = parts[p]![i]!;
    }
    offset += size;
  }
  return whole;
}
