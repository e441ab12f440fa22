/** Widen binary16 bit patterns to f32, exactly: subnormals become normal numbers, a NaN keeps its payload. */
export function f16ToF32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = widen(bits[i]!);
  return new Float32Array(words.buffer);
}

/**
 * Round f32 to binary16 bit patterns, to nearest, ties to even. From 65520 on the result is infinity, up to 2^-25 (half
 * of the smallest subnormal) zero; a NaN stays a NaN (its quiet bit is set, so that dropping the lower bits cannot turn
 * it into infinity).
 */
export function f32ToF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, narrow);
}

/** Exponents of f16 and f32 are biased by 15 and 127, fractions are 10 and 23 bits long. */
function widen(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
  if (magnitude >= 0x400) return sign | ((magnitude << 13) + (112 << 23));
  if (magnitude === 0) return sign;
  const top = 31 - Math.clz32(magnitude); // magnitude x 2^-24 is 2^(top - 24) x 1.fraction
  return sign | ((top + 103) << 23) | ((magnitude << (23 - top)) & 0x7fffff);
}

function narrow(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  const shift = 126 - (magnitude >>> 23); // of the significand to units of 2^-24
  if (shift > 24) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const below = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (below + (rest > half || (rest === half && below % 2 === 1) ? 1 : 0));
}
