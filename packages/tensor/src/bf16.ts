/** Widen bfloat16 bit patterns to f32, exactly: the bits are the upper half of the f32. */
export function bf16ToF32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

/**
 * Round f32 to bfloat16 bit patterns, to nearest, ties to even. Overflow becomes infinity; a NaN stays a NaN (its
 * quiet bit is set, so that dropping the lower half cannot turn it into infinity).
 */
export function f32ToBf16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    bits[i] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
