import { hashText128 } from "./hash-text.ts";
import { createRandom, type Random } from "./random.ts";

/**
 * Random numbers that follow from a seed, a purpose and the key of a document alone: whatever else is in the build, and in
 * whatever order, a document draws the same. Different purposes of one seed draw independently.
 *
 * The stream is 53 bits of a hash of purpose and key.
 * @throws OutOfRangeError for a seed that is no integer in [0, 2^53).
 */
export function createKeyedRandom(seed: number, purpose: string, key: string): Random {
  const text = `${purpose}\0${key}`;
  const units = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  const hash = new Uint32Array(4);
  hashText128(units, units.length, hash);
  return createRandom({ seed, stream: hash[0]! + (hash[1]! >>> 11) * 2 ** 32 });
}

/**
 * The key under which a document draws random numbers: where it comes from, and which repetition of it this is, so that a
 * document that a mix repeats is rearranged and split differently each time.
 */
export function documentKey(document: { readonly source: string }, epoch = 0): string {
  return epoch === 0 ? document.source : `${document.source}\0${epoch}`;
}
