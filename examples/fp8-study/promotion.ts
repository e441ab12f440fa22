/*
 * What promotion to f32 every 128 of k repairs (report, section 3.3.2): products of e4m3 numbers in the registers of Hopper's
 * FP8 tensor cores, modelled by `limitedProduct`, against the same products in double precision. Nothing but accumulation
 * differs between the two.
 */
import { createRandom, type Random } from "@ds3/data";
import { decodeFp8, encodeFp8, formatFacts, limitedProduct } from "@ds3/fp8-codec";

/** Rows and columns of each product. */
const SIZE = 32;

const DEPTHS = [256, 512, 1024, 2048, 4096];
const SEEDS = [0, 1, 2, 3, 4];

/** How operands are drawn: numbers of one sign add up, others cancel. */
export type Operands = "normal" | "uniform";

/** Errors of the products of one K, over all seeds; 0.01 is one per cent of the root mean square of the exact results. */
export interface PromotionError {
  readonly depth: number;
  readonly operands: Operands;
  readonly isPromoted: boolean;
  readonly mean: number;
  readonly worst: number;
}

/** Measures every K with and without promotion, for both kinds of operands. No GPU; a few seconds. */
export function measurePromotion(depths: readonly number[] = DEPTHS): PromotionError[] {
  return depths.flatMap((depth) =>
    (["normal", "uniform"] as const).flatMap((operands) => {
      const pairs = SEEDS.map((seed) => drawPair(depth, operands, seed));
      return [false, true].map((isPromoted) => errorOf(depth, operands, isPromoted, pairs));
    }),
  );
}

interface Pair {
  readonly a: Float32Array;
  readonly b: Float32Array;
  /** a b^T in double precision. */
  readonly exact: Float64Array;
}

function errorOf(depth: number, operands: Operands, isPromoted: boolean, pairs: readonly Pair[]): PromotionError {
  const promoteEvery = isPromoted ? 128 : undefined;
  const errors = pairs.flatMap(({ a, b, exact }) => {
    const product = limitedProduct(a, b, { rows: SIZE, columns: SIZE, depth }, { promoteEvery });
    const root = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0) / exact.length);
    return Array.from(product, (value, i) => Math.abs(value - exact[i]!) / root);
  });
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { depth, operands, isPromoted, mean, worst: Math.max(...errors) };
}

function drawPair(depth: number, operands: Operands, seed: number): Pair {
  const random = createRandom({ seed, stream: depth });
  const [a, b] = [drawCodes(), drawCodes()];
  return { a, b, exact: exactProduct(a, b, depth) };

  /** Values of e4m3 codes, with one scale for all of them, which stays outside. */
  function drawCodes(): Float32Array {
    const draw = operands === "normal" ? () => normal(random) : () => random.nextFloat();
    const values = Float32Array.from({ length: SIZE * depth }, draw);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const factor = formatFacts("e4m3fn").max / largest;
    return decodeFp8(
      encodeFp8(
        values.map((value) => value * factor),
        "e4m3fn",
      ),
      "e4m3fn",
    );
  }
}

function exactProduct(a: Float32Array, b: Float32Array, depth: number): Float64Array {
  const exact = new Float64Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += a[row * depth + k]! * b[column * depth + k]!;
      exact[row * SIZE + column] = sum;
    }
  }
  return exact;
}

/** Of mean 0 and deviation 1, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
}
