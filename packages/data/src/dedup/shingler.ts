/**
 * Shingles of a simplified text as 32-bit hashes: every run of `ngram` tokens.
 *
 * Tokens are words, and each character of a script without spaces is a word of its own; when at least half of a text's
 * characters are of such scripts, tokens are single characters, all of them, as in Chinese texts with a few Latin names.
 * A text of fewer tokens is one shingle of all of them; a text of no token (punctuation only) one shingle of itself.
 *
 * A token hashes to a mixed 32-bit word, a shingle to the polynomial of its tokens' words in an odd base mod 2^32, which
 * rolls (one multiplication in, one out), and is mixed again. Collisions: two different shingles are equal with
 * probability 2^-32, so two documents of n and m shingles share n m / 2^32 by accident, 0.02 for 10,000 each: their
 * similarity moves by less than max(n, m) / 2^32.
 */

import { FNV_PRIME, fnv1a } from "../fnv1a.ts";
import { mixBits } from "../mix-bits.ts";
import { isHighSurrogate } from "../surrogates.ts";
import { characterMap, SPACE } from "./character-map.ts";
import { SimplifiedText } from "./simplify-text.ts";

const BASE = 0x9e3779b1;
const TOKEN_START = 0x3c6ef372;
const BLOCK = 4096;

/** Gets shingles' hashes: `hashes[0 .. count)`, a buffer that is written again after the call. */
export type VisitShingles = (hashes: Int32Array, count: number) => void;

/** How texts are cut. */
export interface ShinglerOptions {
  /** Tokens in a shingle. */
  readonly ngram: number;
  /** Tokens are characters from this share of characters in scripts without spaces on; default 0.5, above 1 never. */
  readonly characterShare?: number;
  /** Whether digits are compared or each run of them is one 0; default "keep" (simplify-text.ts says why). */
  readonly numbers?: "keep" | "zero";
  /** Another seed gives other hashes of the same shingles. Default 0. */
  readonly seed?: number;
}

/** Cuts texts into shingles. Keeps its buffers, so one serves many documents. */
export class Shingler {
  readonly #ngram: number;
  readonly #leaving: number;
  readonly #simplified: SimplifiedText;
  readonly #unspaced: Uint8Array;
  readonly #tokens: Int32Array;
  readonly #hashes = new Int32Array(BLOCK);
  readonly #characterShare: number;
  readonly #tokenStart: number;
  #count = 0;
  #emitted = false;
  #visit: VisitShingles = () => {};

  constructor({ ngram, characterShare = 0.5, seed = 0, numbers = "keep" }: ShinglerOptions) {
    this.#ngram = ngram;
    this.#simplified = new SimplifiedText(numbers);
    this.#unspaced = characterMap(numbers).unspaced;
    this.#characterShare = characterShare;
    this.#tokenStart = seed === 0 ? TOKEN_START : mixBits(TOKEN_START ^ seed);
    this.#tokens = new Int32Array(BLOCK + ngram - 1);
    let power = 1;
    for (let i = 0; i < ngram; i++) power = Math.imul(power, BASE);
    this.#leaving = power;
  }

  /** Visit the shingles of a text in order, repeated ones as often as they occur, at least one. */
  each(text: string, visit: VisitShingles): void {
    const simplified = this.#simplified;
    simplified.set(text);
    this.#count = 0;
    this.#emitted = false;
    this.#visit = visit;
    if (simplified.unspaced >= this.#characterShare * simplified.characters) this.#characters(simplified);
    else this.#words(simplified);
    if (this.#count >= this.#ngram) this.#flush();
    else if (!this.#emitted) this.#emitShort(text);
  }

  #words({ units, length }: SimplifiedText): void {
    const unspaced = this.#unspaced;
    const start = this.#tokenStart;
    let hash = start;
    for (let i = 0; i < length; i++) {
      const unit = units[i]!;
      const isPair = unit >= 0xd840 && unit < 0xd8c0; // the high halves of U+20000 to U+2FFFF and U+30000 to U+3FFFF
      if (unit !== SPACE && unspaced[unit] === 0 && !isPair) {
        hash = Math.imul(hash ^ unit, FNV_PRIME);
        continue;
      }
      if (hash !== start) this.#push(mixBits(hash));
      hash = start;
      if (unit !== SPACE) this.#pushCharacter(isPair ? (unit << 16) | units[++i]! : unit);
    }
    if (hash !== start) this.#push(mixBits(hash));
  }

  #characters({ units, length }: SimplifiedText): void {
    for (let i = 0; i < length; i++) {
      const unit = units[i]!;
      if (unit === SPACE) continue;
      const isPair = isHighSurrogate(unit); // what is simplified has no lone ones
      this.#pushCharacter(isPair ? (unit << 16) | units[++i]! : unit);
    }
  }

  #pushCharacter(character: number): void {
    this.#push(mixBits(Math.imul(this.#tokenStart ^ character, FNV_PRIME)));
  }

  #push(token: number): void {
    this.#tokens[this.#count++] = token;
    if (this.#count === this.#tokens.length) this.#flush();
  }

  /** Hash all whole shingles of the tokens at hand and keep the tokens that the next ones start with. */
  #flush(): void {
    const tokens = this.#tokens;
    const n = this.#ngram;
    const count = this.#count - n + 1;
    let rolling = 0;
    for (let i = 0; i < n - 1; i++) rolling = (Math.imul(rolling, BASE) + tokens[i]!) | 0;
    for (let i = 0; i < count; i++) {
      rolling = (Math.imul(rolling, BASE) + tokens[i + n - 1]!) | 0;
      if (i > 0) rolling = (rolling - Math.imul(tokens[i - 1]!, this.#leaving)) | 0;
      this.#hashes[i] = mixBits(rolling);
    }
    tokens.copyWithin(0, count, this.#count);
    this.#count = n - 1;
    this.#emitted = true;
    this.#visit(this.#hashes, count);
  }

  #emitShort(text: string): void {
    let hash = this.#count;
    if (this.#count > 0) for (let i = 0; i < this.#count; i++) hash = (Math.imul(hash, BASE) + this.#tokens[i]!) | 0;
    else hash = fnv1a(text, hash);
    this.#hashes[0] = mixBits(hash);
    this.#visit(this.#hashes, 1);
  }
}
