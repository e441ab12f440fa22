import { roundToBf16Ref } from "@ds3/tensor/reference";
import { expectNear } from "@ds3/testing";
import { expect } from "vitest";

/** FP8 products in f32 against f64, of a row's largest value. */
export const TOLERANCE = 2.5e-6;

/** Fails unless each row is near, by its own largest value; a row of zeros must be zeros. */
export function expectRows(
  name: string,
  got: ArrayLike<number>,
  want: Float64Array,
  columns: number,
  tolerance: number = TOLERANCE,
): void {
  expect(got.length, `${name}: number of elements`).toBe(want.length);
  for (let from = 0; from < want.length; from += columns) {
    const row = want.subarray(from, from + columns);
    const largest = row.reduce((max, value) => Math.max(max, Math.abs(value)), 0) || 1;
    const scaled = Float64Array.from(row, (_, i) => got[from + i]! / largest);
    expectNear(
      `${name}, row ${from / columns}`,
      scaled,
      row.map((value) => value / largest),
      [columns],
      tolerance,
    );
  }
}

/** The same of values that were rounded to bf16: where the sums differ, one in a hundred may round to a neighbour. */
export function expectCombined(name: string, got: ArrayLike<number>, want: Float64Array, columns: number): void {
  const values = Float64Array.from(got);
  expect(values, `${name}: values of bf16`).toEqual(values.map(roundToBf16Ref));
  const isNeighbour = (i: number): boolean => Math.abs(values[i]! - want[i]!) <= 2 ** -7 * Math.abs(want[i]!);
  const neighbours = [...values.keys()].filter((i) => values[i] !== want[i] && isNeighbour(i));
  expect(neighbours.length, `${name}: rounded to a neighbour`).toBeLessThan(Math.max(2, 0.01 * want.length));
  for (const i of neighbours) values[i] = want[i]!;
  expectRows(name, values, want, columns);
}

/** f32 numbers whose tiles differ in size by powers of ten, with a row of zeros, and outliers that cost their tiles bits. */
export function uneven(values: Float64Array, columns: number, scale = 1): Float64Array {
  return values.map((value, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    if (row === 2) return 0;
    const size = 10 ** ((Math.floor(row / 5) + Math.floor(column / 128)) % 3);
    return Math.fround(value * scale * size * (i % 1999 === 5 ? 1e5 : 1));
  });
}
