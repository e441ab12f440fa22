import { IntBuffer } from "../growable.ts";
import type { WordCounts } from "./count-words.ts";
import { NONE } from "./pair-index.ts";
import type { SpellWord } from "./symbols.ts";

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

/** Lay out counted words as chains of their first symbols. */
export function createSymbolChain(words: WordCounts, spell: SpellWord): SymbolChain {
  const symbols = new IntBuffer(words.byteCount);
  const ends = new Int32Array(words.size);
  words.eachWord((bytes, length, word) => {
    spell(bytes, length, symbols);
    ends[word] = symbols.length;
  });
  const { length } = symbols;
  const [next, previous, wordOf] = [0, 0, 0].map(() => new Int32Array(length)) as [Int32Array, Int32Array, Int32Array];
  for (let word = 0, at = 0; word < ends.length; word++) {
    for (const start = at; at < ends[word]!; at++) {
      next[at] = at + 1 < ends[word]! ? at + 1 : NONE;
      previous[at] = at > start ? at - 1 : NONE;
      wordOf[at] = word;
    }
  }
  return { ids: symbols.data.subarray(0, length), next, previous, wordOf, weights: words.counts };
}
