import { ConfigError } from "@ds3/errors";
import { checkLength } from "./tiling.ts";

/** Sizes of a product a b^T: a [rows, depth], b [columns, depth]. */
export interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** Options of {@link limitedProduct}. */
export interface LimitedProductOptions {
  /** Significant bits of the register, and of a product next to the largest. Default 14, as Hopper's FP8 tensor cores. */
  readonly bits?: number;
  /** Products that are added at once: the depth of one instruction. Default 32. */
  readonly group?: number;
  /**
   * After so many products the register is added to an f32 sum and cleared, and once more at the end. A multiple of
   * `group`; DeepSeek-V3 takes 128. Left out: the register holds the sum over the whole depth.
   */
  readonly promoteEvery?: number | undefined;
}

/**
 * a b^T [rows, columns] as FP8 tensor cores of the Hopper generation add it (DeepSeek-V3 report, sections 3.3.2 and
 * 3.5.2): a model of the loss that promotion to f32 repairs.
 *
 * A register holds a sum of `bits` significant bits. For every `group` of the depth: products are exact; they and the
 * register are aligned to the largest exponent among them, bits below 2^(exponent - bits + 1) are cut off (towards
 * zero), what is left is added exactly, and the sum is cut to `bits` significant bits again. All of that is integer
 * arithmetic that doubles hold exactly. The register has the exponents of a double: it does not overflow.
 *
 * a and b are values, as `decodeFp8` gives them, row by row; scales stay outside. Infinity and NaN go their IEEE way.
 * Accepts: any sizes; the last group may be smaller. Cost: rows columns depth products, twice looked at.
 * @throws ShapeError when a or b are not as many as the shape says; ConfigError for bits outside 2 to 32, a group that is
 * not a positive integer, promoteEvery that is not a multiple of it.
 */
export function limitedProduct(
  a: Float32Array,
  b: Float32Array,
  { rows, columns, depth }: ProductShape,
  { bits = 14, group = 32, promoteEvery = undefined }: LimitedProductOptions = {},
): Float32Array {
  checkLength("limitedProduct", "a", a.length, [rows, depth]);
  checkLength("limitedProduct", "b", b.length, [columns, depth]);
  checkOptions(bits, group, promoteEvery);
  const model = { bits, group, interval: promoteEvery ?? Math.max(depth, 1), products: new Float64Array(group) };
  const rowsOf = (x: Float32Array, count: number): Float32Array[] =>
    Array.from({ length: count }, (_, row) => x.subarray(row * depth, (row + 1) * depth));
  const weights = rowsOf(b, columns);
  const product = new Float32Array(rows * columns);
  rowsOf(a, rows).forEach((left, row) => {
    weights.forEach((right, column) => {
      product[row * columns + column] = limitedSum(left, right, model);
    });
  });
  return product;
}

interface Model {
  readonly bits: number;
  readonly group: number;
  readonly interval: number;
  /** Room for the products of one group. */
  readonly products: Float64Array;
}

function limitedSum(a: Float32Array, b: Float32Array, { bits, group, interval, products }: Model): number {
  let sum = 0;
  for (let start = 0; start < a.length; start += interval) {
    const end = Math.min(start + interval, a.length);
    let register = 0;
    for (let k = start; k < end; k += group) {
      const count = Math.min(group, end - k);
      for (let i = 0; i < count; i++) products[i] = a[k + i]! * b[k + i]!;
      register = addGroup(register, products, count, bits);
    }
    sum = Math.fround(sum + register);
  }
  return sum;
}

/** The register after the first `count` products are added to it. */
function addGroup(register: number, products: Float64Array, count: number, bits: number): number {
  let largest = Math.abs(register);
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(products[i]!)); // NaN wins
  if (largest === 0) return 0;
  const unit = 2 ** (exponentOf(largest) - bits + 1);
  let units = Math.trunc(register / unit);
  for (let i = 0; i < count; i++) units += Math.trunc(products[i]! / unit);
  return truncate(units * unit, bits);
}

/** A number cut to so many significant bits, towards zero. */
function truncate(value: number, bits: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (exponentOf(value) - bits + 1);
  return Math.trunc(value / unit) * unit;
}

const double = new Float64Array(1);
const words = new BigUint64Array(double.buffer);

/** floor(log2 |value|) of a normal double, from its bits: Math.log2 is not exact. */
function exponentOf(value: number): number {
  double[0] = value;
  return Number((words[0]! >> 52n) & 0x7ffn) - 1023;
}

function checkOptions(bits: number, group: number, promoteEvery: number | undefined): void {
  const hint = "Hopper's FP8 tensor cores: bits 14, group 32, promoteEvery 128.";
  const check = (holds: boolean, operand: string, expected: string, actual: number): void => {
    if (!holds) throw new ConfigError({ op: "limitedProduct", operand, expected, actual: String(actual), hint });
  };
  check(Number.isInteger(bits) && bits >= 2 && bits <= 32, "bits", "an integer from 2 to 32", bits);
  check(Number.isInteger(group) && group > 0, "group", "a positive integer", group);
  if (promoteEvery === undefined) return;
  const fits = Number.isInteger(promoteEvery) && promoteEvery > 0 && promoteEvery % group === 0;
  check(fits, "promoteEvery", `a positive multiple of group (${group})`, promoteEvery);
}
