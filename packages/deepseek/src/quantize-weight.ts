/*
 * Weights as released FP8 checkpoints have them, so that nothing is lost that was in FP8 before.
 *
 * A block's scale is its largest magnitude / 448, in f32. What is saved so, loaded and saved again is the same bytes: the
 * largest value is f32(448 s) then, and that / 448 is s again. For 448 is 7 x 64; count in ulps of s. Where 7 s has two more
 * bits than s, it is rounded by at most 2, so the quotient is off by 2/7 and rounds to s. Where it has three more, f32
 * numbers near 7 s are 8 apart; s came from one of them, which is at most 7/2 from 7 s, so that one is its rounding. And
 * f32(f32(c s) / s) is next to c for every code.
 *
 * Scales made otherwise may be an ulp beside the quotient (1 / (448 / a)), or far from it where the largest code is not
 * 448 (powers of two). So where the rule's scale does not give a block back exactly, those that could are tried:
 * largest / m, m each significand that a largest code may have, and the two f32 numbers beside it. A block of any other
 * values fails after a few elements and keeps the rule's scale. Hence loading FP8 and saving FP8 changes no value.
 *
 * Saving with powers of two changes no value of a block that had them, but its bytes once where the largest code was 224,
 * which is 448 with half the scale.
 */
import { TILE as BLOCK, decodeFp8, dequantizeBlocks, encodeFp8, quantizeBlocks } from "@ds3/fp8-codec";

/** Codes and scales of a weight. */
export interface QuantizedWeight {
  /** e4m3 codes, as many as values. */
  readonly codes: Uint8Array;
  /** [ceil(rows / 128), ceil(columns / 128)]. */
  readonly scales: Float32Array;
}

/** Values of the largest codes, down to half the largest of all: below, a smaller scale takes more of the range. */
const LARGEST_CODES = [448, 416, 384, 352, 320, 288, 256, 240];
/** Elements of a block's first row that a scale must give back before all are looked at. */
const SAMPLE = 32;

/**
 * A matrix in e4m3, one scale for each block of 128 x 128. `powerOfTwo`: the rule's scale rounded up to a power of two.
 *
 * Accepts: finite values, any shape.
 */
export function quantizeWeight(
  values: Float32Array,
  shape: readonly [rows: number, columns: number],
  scales: "f32" | "powerOfTwo",
): QuantizedWeight {
  const weight = quantizeBlocks(values, shape, { scales });
  if (scales === "f32") keepLoadedBlocks(values, shape, weight);
  return weight;
}

function keepLoadedBlocks(values: Float32Array, shape: readonly [number, number], weight: QuantizedWeight): void {
  const [rows, columns] = shape;
  const { isExact, largest } = inspectBlocks(values, shape, weight);
  let block = -1;
  for (let top = 0; top < rows; top += BLOCK) {
    for (let left = 0; left < columns; left += BLOCK) {
      block += 1;
      if (isExact[block]) continue;
      const first = top * columns + left;
      const sample = values.subarray(first, first + Math.min(SAMPLE, columns - left));
      for (const scale of candidates(largest[block]!)) {
        if (givesBack(sample, scale) && replaceBlock(values, placesOf(shape, top, left), block, scale, weight)) break;
      }
    }
  }
}

/** Of each block, whether its codes and scale give it back exactly, and its largest magnitude. */
function inspectBlocks(
  values: Float32Array,
  [rows, columns]: readonly [number, number],
  { codes, scales }: QuantizedWeight,
): { readonly isExact: readonly boolean[]; readonly largest: Float32Array } {
  const decoded = dequantizeBlocks(codes, scales, [rows, columns]);
  const across = Math.ceil(columns / BLOCK);
  const isExact = new Array<boolean>(scales.length).fill(true);
  const largest = new Float32Array(scales.length);
  for (let row = 0, i = 0; row < rows; row++) {
    const firstBlock = Math.floor(row / BLOCK) * across;
    for (let column = 0; column < columns; column++, i++) {
      const block = firstBlock + Math.floor(column / BLOCK);
      if (decoded[i] !== values[i]) isExact[block] = false;
      if (Math.abs(values[i]!) > largest[block]!) largest[block] = Math.abs(values[i]!);
    }
  }
  return { isExact, largest };
}

/** Flat indices of the elements of the block at [top, left]. */
function placesOf([rows, columns]: readonly [number, number], top: number, left: number): Uint32Array {
  const [high, wide] = [Math.min(BLOCK, rows - top), Math.min(BLOCK, columns - left)];
  return Uint32Array.from(
    { length: high * wide },
    (_, i) => (top + Math.floor(i / wide)) * columns + left + (i % wide),
  );
}

/** Gives a block the scale, if every value is a code times it. */
function replaceBlock(
  values: Float32Array,
  places: Uint32Array,
  block: number,
  scale: number,
  { codes, scales }: QuantizedWeight,
): boolean {
  const x = Float32Array.from(places, (place) => values[place]!);
  if (!givesBack(x, scale)) return false;
  scales[block] = scale;
  encodeWith(x, scale).forEach((code, i) => {
    codes[places[i]!] = code;
  });
  return true;
}

/** True when every value is a code times the scale. */
function givesBack(x: Float32Array, scale: number): boolean {
  const decoded = decodeFp8(encodeWith(x, scale), "e4m3fn");
  return decoded.every((value, i) => Math.fround(value * scale) === x[i]);
}

function encodeWith(x: Float32Array, scale: number): Uint8Array {
  return encodeFp8(
    Float32Array.from(x, (value) => value / scale),
    "e4m3fn",
  );
}

/** Scales that may have given a block its largest magnitude. */
function* candidates(largest: number): Generator<number> {
  for (const code of LARGEST_CODES) {
    const scale = Float32Array.of(largest / code);
    const bits = new Uint32Array(scale.buffer);
    const [nearest] = bits;
    for (const step of [0, 1, -1]) {
      bits[0] = nearest! + step;
      if (scale[0]! > 0) yield scale[0]!;
    }
  }
}
