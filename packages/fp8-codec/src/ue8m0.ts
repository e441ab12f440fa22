import { OutOfRangeError } from "@ds3/errors";

/** The byte that says NaN. */
const NAN_BYTE = 255;
const QUIET_NAN = 0x7fc00000;

/**
 * Bytes of positive f32 scales, rounded *up* to the next power of two: exponent + 127, one more if any bit of the
 * significand is set.
 *
 * On the bits, since a logarithm in f32 is a factor of two low just above some powers of two. Rounding up keeps what was
 * scaled within range. NaN, infinity and what is above 2^127 become 255, NaN; what is below 2^-127 becomes 2^-127.
 * @throws OutOfRangeError for zero or a negative scale: UE8M0 has neither.
 */
export function encodeUe8m0(scales: Float32Array): Uint8Array {
  const bits = new Uint32Array(scales.buffer, scales.byteOffset, scales.length);
  const bytes = new Uint8Array(scales.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = byteOf(bits[i]!, scales, i);
  return bytes;
}

function byteOf(word: number, scales: Float32Array, i: number): number {
  if (word === 0 || (word >= 0x80000000 && !Number.isNaN(scales[i]))) {
    throw new OutOfRangeError({
      op: "encodeUe8m0",
      operand: `scales[${i}]`,
      expected: "a positive number",
      actual: Object.is(scales[i], -0) ? "-0" : String(scales[i]),
      hint: "Give an all-zero tile the scale of a floor.",
    });
  }
  const magnitude = word & 0x7fffffff;
  if (magnitude <= 0x00400000) return 0; // 2^-127 is a subnormal of f32
  const exponent = magnitude >>> 23;
  return exponent === 255 ? NAN_BYTE : exponent + ((magnitude & 0x7fffff) === 0 ? 0 : 1);
}

/** Powers of two of UE8M0 bytes: 2^(byte - 127), the quiet NaN 0x7fc00000 for 255. Byte 0 is a subnormal of f32. */
export function decodeUe8m0(codes: Uint8Array): Float32Array {
  const values = new Float32Array(codes.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < codes.length; i++) bits[i] = bitsOf(codes[i]!);
  return values;
}

function bitsOf(byte: number): number {
  if (byte === NAN_BYTE) return QUIET_NAN;
  return byte === 0 ? 0x00400000 : byte << 23;
}

/**
 * Positive f32 scales rounded up to powers of two, as {@link encodeUe8m0} stores them: dividing by them is exact.
 * @throws OutOfRangeError for zero or a negative scale.
 */
export function roundUpToPowerOfTwo(scales: Float32Array): Float32Array {
  return decodeUe8m0(encodeUe8m0(scales));
}
