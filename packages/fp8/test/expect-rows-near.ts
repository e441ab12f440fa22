import { expect } from "vitest";

/**
 * Fails unless every |got - want| <= tolerance x the largest |want| of its row: rows of a quantised product differ in
 * magnitude. NaN is where it is expected and nowhere else.
 */
export function expectRowsNear(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  columns: number,
  tolerance: number,
): void {
  expect(got.length, `${name}: number of elements`).toBe(want.length);
  for (let first = 0; first < want.length; first += columns) {
    let largest = 0;
    for (let j = first; j < first + columns; j++) largest = Math.max(largest, finite(Math.abs(want[j]!)));
    for (let j = first; j < first + columns; j++) {
      const fits = Number.isNaN(want[j])
        ? Number.isNaN(got[j])
        : Math.abs(got[j]! - want[j]!) <= tolerance * Math.max(largest, 1e-30);
      if (fits) continue;
      throw new Error(
        `${name} [${first / columns}, ${j - first}]: got ${got[j]}, expected ${want[j]}; the row's largest is ${largest}`,
      );
    }
  }
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
