import { checkGradient, normals } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import { fp8GatedLinearRef, fp8LinearRef } from "./fp8-linear.ref.ts";
import { blockTilesRef, columnTilesRef, roundTilesRef, rowTilesRef } from "./fp8-linear-tiles.ref.ts";

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const [I, O] = [5, 3];

describe.each([
  ["one group", {}, 4],
  ["experts, one without rows", { offsets: [0, 3, 3, 4] }, 4],
])("exact gradients, %s", (_, groups, R) => {
  const E = "offsets" in groups ? 3 : 1;
  const weights = normals(E * O * I, 1);
  const up = normals(R * O, 2);
  const options = { inFeatures: I, exact: true, ...groups };

  test("linear", () => {
    checkGradient(
      (inputs) => dot(fp8LinearRef(inputs.x, inputs.weights, options).y, up),
      (inputs) => fp8LinearRef(inputs.x, inputs.weights, options).backward(up),
      { x: normals(R * I, 3), weights },
    );
  });

  test("linear behind SwiGLU", () => {
    checkGradient(
      (inputs) => dot(fp8GatedLinearRef(inputs.z, inputs.weights, options).y, up),
      (inputs) => fp8GatedLinearRef(inputs.z, inputs.weights, options).backward(up),
      { z: normals(R * 2 * I, 4), weights },
    );
  });
});

test("a tile by hand: scale 448 / 448, steps of 1/8 of a power of two, ties to even, subnormal steps of 2^-9", () => {
  const x = Float64Array.of(448, 1.0625, 1.1875, -1.07, 2 ** -9 * 1.5, 2 ** -10, 2 ** -10 * 1.01, 0);
  const want = [448, 1, 1.25, -1.125, 2 ** -8, 0, 2 ** -9, 0];
  expect([...roundTilesRef(x, 8, rowTilesRef(1, 8))]).toEqual(want);
  // A scale two units in the last place above 1 becomes 2.
  const above = Float64Array.of(448 * (1 + 2 ** -22), 1.0625);
  expect([...roundTilesRef(above, 2, rowTilesRef(1, 2), { powerOfTwo: true })]).toEqual([448, 1]);
});

test("e5m6 keeps 7 significant bits; the floor bounds the scale; a tile with NaN or infinity is NaN", () => {
  const e5m6 = roundTilesRef(Float64Array.of(65024, 1 + 2 ** -6, 1 + 2 ** -7), 3, rowTilesRef(1, 3), {
    format: "e5m6",
  });
  expect([...e5m6]).toEqual([65024, 1 + 2 ** -6, 1]);
  const step = 2 ** -9 * Math.fround(Math.fround(1e-4) / 448);
  const tiny = roundTilesRef(Float64Array.of(step * 0.4, step * 0.6), 2, rowTilesRef(1, 2));
  expect([...tiny]).toEqual([0, Math.fround(step)]);
  const broken = Float64Array.from({ length: 130 }, (_, i) => (i === 5 ? Number.POSITIVE_INFINITY : 1));
  const values = roundTilesRef(broken, 130, rowTilesRef(1, 130));
  expect(values.subarray(0, 128).every(Number.isNaN)).toBe(true);
  expect([...values.subarray(128)]).toEqual([1, 1]);
});

test("tiles: borders, matrices and experts begin anew", () => {
  const down = (tileOf: (row: number, column: number) => number, rows: readonly number[]): number[] =>
    rows.map((row) => tileOf(row, 0));
  const row = rowTilesRef(2, 130);
  expect([row.tileOf(0, 127), row.tileOf(0, 128), row.tileOf(1, 0), row.tiles]).toEqual([0, 1, 2, 4]);
  const block = blockTilesRef(2, 130, 3);
  expect(down(block.tileOf, [0, 127, 128, 129, 130, 257, 258])).toEqual([0, 0, 1, 1, 2, 2, 3]);
  const column = columnTilesRef([0, 2, 2, 131], 5);
  const [first, second, third, fourth, rest] = [0, 2, 129, 130, 131].map((at) => column.tileOf(at, 1));
  expect([column.tileOf(1, 1), second]).toEqual([first, third]);
  expect(new Set([first, second, fourth, rest, column.tileOf(1, 2)]).size).toBe(5);
});
