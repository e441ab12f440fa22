/**
 * 128-bit hash of a text: MurmurHash3_x86_128 with seed 0 (Appleby, public domain algorithm) over the UTF-16 units in
 * little-endian order, two units a 32-bit word. It takes units as they lie in memory, so no UTF-8 copy is made.
 *
 * With 128 bits, n different texts have a collision with probability below n^2 / 2^129: 1.5e-23 for 10^8 texts. It is not
 * made against someone who looks for collisions on purpose.
 */
import { mixBits } from "./mix-bits.ts";

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/**
 * Write the hash of `units[0 .. length)` to `out[0 .. 4)`, the words h1 to h4.
 *
 * Accepts: any length, also 0; `out` of 4 words or more.
 */
export function hashText128(units: Uint16Array, length: number, out: Uint32Array): void {
  const state = new Int32Array(4);
  const whole = length - (length % 8);
  for (let i = 0; i < whole; i += 8) mixBlock(state, units, i);
  mixTail(state, units, whole, length - whole);
  const bytes = length * 2;
  for (let i = 0; i < 4; i++) state[i]! ^= bytes;
  addAcross(state);
  for (let i = 0; i < 4; i++) state[i] = mixBits(state[i]!);
  addAcross(state);
  out.set(state);
}

function mixBlock(state: Int32Array, units: Uint16Array, i: number): void {
  let h1 = state[0]!;
  let h2 = state[1]!;
  let h3 = state[2]!;
  let h4 = state[3]!;
  h1 ^= Math.imul(rotate(Math.imul(units[i]! | (units[i + 1]! << 16), C1), 15), C2);
  h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
  h2 ^= Math.imul(rotate(Math.imul(units[i + 2]! | (units[i + 3]! << 16), C2), 16), C3);
  h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
  h3 ^= Math.imul(rotate(Math.imul(units[i + 4]! | (units[i + 5]! << 16), C3), 17), C4);
  h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
  h4 ^= Math.imul(rotate(Math.imul(units[i + 6]! | (units[i + 7]! << 16), C4), 18), C1);
  h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  state[0] = h1;
  state[1] = h2;
  state[2] = h3;
  state[3] = h4;
}

/** The last 0 to 7 units; what is not there counts as 0, which changes nothing. */
function mixTail(state: Int32Array, units: Uint16Array, start: number, count: number): void {
  const word = (k: number): number =>
    (2 * k < count ? units[start + 2 * k]! : 0) | ((2 * k + 1 < count ? units[start + 2 * k + 1]! : 0) << 16);
  state[3]! ^= Math.imul(rotate(Math.imul(word(3), C4), 18), C1);
  state[2]! ^= Math.imul(rotate(Math.imul(word(2), C3), 17), C4);
  state[1]! ^= Math.imul(rotate(Math.imul(word(1), C2), 16), C3);
  state[0]! ^= Math.imul(rotate(Math.imul(word(0), C1), 15), C2);
}

function addAcross(state: Int32Array): void {
  state[0]! += state[1]! + state[2]! + state[3]!;
  for (let i = 1; i < 4; i++) state[i]! += state[0]!;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
