/**
 * MurmurHash3's 32-bit finalizer (Appleby, public domain): a bijection that spreads every input bit over the word. Takes any
 * number by its low 32 bits; the result is signed.
 */
export function mixBits(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
