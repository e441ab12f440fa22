/**
 * Seeded random numbers in 32-bit integer arithmetic, equal on every platform.
 *
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021). Its
 * four words of state are filled from the seed by a 32-bit SplitMix: a Weyl sequence with step 0x9e3779b9 through
 * MurmurHash3's finalizer. Good for shuffles, initial weights and sampling; not for secrets.
 */
import { OutOfRangeError } from "@ds3/errors";
import { mixBits } from "./mix-bits.ts";
import { requireInteger } from "./require-integer.ts";

/** The whole state of a generator: four 32-bit words, ready for JSON. */
export type RandomState = readonly [number, number, number, number];

/** A stream of random numbers. */
export interface Random {
  /** The next integer in [0, 2^32). */
  nextUint32(): number;
  /** The next number in [0, 1): 53 random bits, from two integers. */
  nextFloat(): number;
  /** The next integer in [0, bound), without bias. `bound` is an integer in [1, 2^32]. */
  below(bound: number): number;
  /** Shuffle in place (Fisher-Yates from the end); returns its argument. */
  shuffle<A extends { [index: number]: unknown; readonly length: number }>(items: A): A;
  /** A copy of the state, for `createRandom({ state })`. */
  state(): RandomState;
}

/** Where a generator starts: from a seed and, for independent streams of one seed, a stream number; or from a state. */
export type RandomOptions = { readonly seed: number; readonly stream?: number } | { readonly state: RandomState };

/**
 * A random number generator.
 *
 * Accepts: seed and stream any integers in [0, 2^53).
 * @throws OutOfRangeError for another seed or stream, or a state of zeros.
 */
export function createRandom(options: RandomOptions): Random {
  return new Xoshiro128("state" in options ? options.state : seedState(options.seed, options.stream ?? 0));
}

/** The numbers 0 to `length - 1` in the order that a seed and a stream give. */
export function permutation(length: number, options: RandomOptions): Uint32Array {
  return createRandom(options).shuffle(Uint32Array.from({ length }, (_, i) => i));
}

class Xoshiro128 implements Random {
  readonly #words: Uint32Array;

  constructor(state: RandomState) {
    this.#words = Uint32Array.from(state);
    if (this.#words.length === 4 && this.#words.some((word) => word !== 0)) return;
    const expected = "four 32-bit words, not all zero";
    throw new OutOfRangeError({ op: "createRandom", operand: "state", expected, actual: JSON.stringify(state) });
  }

  nextUint32(): number {
    const words = this.#words;
    const scrambled = Math.imul(rotateLeft(Math.imul(words[1]!, 5), 7), 9) >>> 0;
    const shifted = words[1]! << 9;
    words[2]! ^= words[0]!;
    words[3]! ^= words[1]!;
    words[1]! ^= words[2]!;
    words[0]! ^= words[3]!;
    words[2]! ^= shifted;
    words[3] = rotateLeft(words[3]!, 11);
    return scrambled;
  }

  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  below(bound: number): number {
    requireInteger("below", "bound", bound, 1, 2 ** 32);
    const limit = 2 ** 32 - (2 ** 32 % bound); // values from here on would favour the small remainders
    let value = this.nextUint32();
    while (value >= limit) value = this.nextUint32();
    return value % bound;
  }

  shuffle<A extends { [index: number]: unknown; readonly length: number }>(items: A): A {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = items[i];
      items[i] = items[j];
      items[j] = kept;
    }
    return items;
  }

  state(): RandomState {
    const [a, b, c, d] = this.#words;
    return [a!, b!, c!, d!];
  }
}

function seedState(seed: number, stream: number): RandomState {
  requireInteger("createRandom", "seed", seed, 0);
  requireInteger("createRandom", "stream", stream, 0);
  let weyl = 0;
  for (const word of [seed, seed / 2 ** 32, stream, stream / 2 ** 32]) weyl = mix32((weyl + 0x9e3779b9) ^ word);
  const next = (): number => {
    weyl = (weyl + 0x9e3779b9) | 0;
    return mix32(weyl);
  };
  const state: RandomState = [next(), next(), next(), next()];
  return state; // four values of a bijection at four places: never all zero
}

/** `mixBits`, unsigned. */
export function mix32(value: number): number {
  return mixBits(value) >>> 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
