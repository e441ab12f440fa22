import type { WordCounts } from "./count-words.ts";
import { NONE } from "./pair-index.ts";
import { writeUtf8 } from "./utf8.ts";

/** All distinct words as symbols in one row of positions; each word a doubly linked chain, so that merging is O(1). */
export interface SymbolChain {
  /** By position: the symbol's id, meaningless once the position is merged into its left neighbour. */
  readonly ids: Int32Array;
  /** By position: the next and the previous position of the same word, or NONE. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** By position: the number of the word. */
  readonly wordOf: Int32Array;
  /** By word: its occurrences. */
  readonly weights: Float64Array;
}

/** Lay out counted words as chains of their bytes' ids. */
export function createSymbolChain({ words, counts }: WordCounts, idOfByte: Int32Array): SymbolChain {
  const bytes = new Uint8Array(3 * words.unitCount);
  const ends = new Int32Array(words.size);
  let length = 0;
  for (let word = 0; word < words.size; word++) {
    const units = words.unitsOf(word);
    length = writeUtf8((i) => units[i]!, units.length, bytes, length);
    ends[word] = length;
  }
  const [ids, next, previous, wordOf] = [0, 0, 0, 0].map(() => new Int32Array(length)) as FourArrays;
  for (let word = 0, at = 0; word < words.size; word++) {
    for (const start = at; at < ends[word]!; at++) {
      ids[at] = idOfByte[bytes[at]!]!;
      next[at] = at + 1 < ends[word]! ? at + 1 : NONE;
      previous[at] = at > start ? at - 1 : NONE;
      wordOf[at] = word;
    }
  }
  return { ids, next, previous, wordOf, weights: counts };
}

type FourArrays = [Int32Array, Int32Array, Int32Array, Int32Array];
