import { grown } from "./growable.ts";
import { eachPiece, type PreTokenizer } from "./pre-tokenizer.ts";
import { toWellFormed } from "./utf8.ts";
import { WordTable } from "./word-table.ts";

/** The distinct pre-tokenized words of some texts, and how often each occurs. */
export interface WordCounts {
  readonly words: WordTable;
  /** Occurrences by word number; exact below 2^53. */
  readonly counts: Float64Array;
}

/** Count words text by text: memory grows with the distinct words alone. `onText` hears of the number of texts so far. */
export function countWords(
  texts: Iterable<string>,
  preTokenizer: PreTokenizer,
  onText: (texts: number) => void,
): WordCounts {
  const words = new WordTable();
  let counts = new Float64Array(1 << 10);
  let textCount = 0;
  for (const raw of texts) {
    const text = toWellFormed(raw);
    eachPiece(preTokenizer, text, true, (piece, from, to) => {
      const word = words.add(piece, from, to);
      if (word >= counts.length) counts = grown(counts, word + 1);
      counts[word]!++;
    });
    onText(++textCount);
  }
  return { words, counts };
}
