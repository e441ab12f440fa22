import { WordCache } from "../bpe/word-cache.ts";
import { grown } from "../growable.ts";
import type { Normalizer } from "../normalizers/normalizer.ts";
import { eachPiece, type PreTokenizer } from "../pre-tokenizer.ts";
import type { Scanner } from "../scanners/scanner.ts";
import { ScannerSplitter } from "../scanners/scanner-splitter.ts";
import { toWellFormed, Utf8Buffer } from "../utf8.ts";

/** The distinct pre-tokenized words of some texts as UTF-8, and how often each occurs. */
export class WordCounts {
  /** Occurrences by word number; exact below 2^53. Longer than `size`. */
  counts: Float64Array = new Float64Array(1 << 10);
  /** Bytes of all distinct words. */
  byteCount = 0;
  readonly #words: WordCache = new WordCache();
  readonly #utf8: Utf8Buffer = new Utf8Buffer();
  readonly #ends: Int32Array = new Int32Array(1024);
  readonly #number: Int32Array = new Int32Array(1);

  /** Distinct words. They are numbered in order of arrival. */
  get size(): number {
    return this.#words.size;
  }

  /** Count the pieces that a scanner cuts from a well-formed text. */
  addScanned(text: string, scanner: Scanner): void {
    const length = this.#utf8.write(text);
    for (let at = 0; at < length; ) {
      const count = scanner.scan(this.#utf8.bytes, at, length, this.#ends);
      for (let i = 0; i < count; i++) {
        const end = this.#ends[i]!;
        this.#add(at, end - at);
        at = end;
      }
    }
  }

  /** Count the piece `text[from, to)` of a well-formed text. */
  addPiece(text: string, from: number, to: number): void {
    if (to > from) this.#add(0, this.#utf8.writeRange(text, from, to));
  }

  /** Give each distinct word in order of its number: the first `length` of `bytes`, valid during the call. */
  eachWord(visit: (bytes: Uint8Array, length: number, word: number) => void): void {
    let bytes = new Uint8Array(1 << 8);
    let word = 0;
    for (const { record, length } of this.#words.eachRecord()) {
      if (length > bytes.length) bytes = new Uint8Array(2 * length);
      this.#words.copyWord(record, bytes);
      visit(bytes, length, word++);
    }
  }

  #add(from: number, length: number): void {
    const words = this.#words;
    let record = words.find(this.#utf8.view, from, length);
    if (record === 0) {
      this.#number[0] = words.size;
      this.byteCount += length;
      if (words.size >= this.counts.length) this.counts = grown(this.counts, words.size + 1);
      record = words.add(this.#utf8.view, from, length, this.#number, 1);
    }
    this.counts[words.records[words.idsAt(record, length) + 1]!]!++;
  }
}

/** What texts go through before their words are counted. */
export interface WordSource {
  readonly normalizer?: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer;
}

/** Count words text by text: memory grows with the distinct words alone. `onText` hears of the number of texts so far. */
export function countWords(
  texts: Iterable<string>,
  { normalizer, preTokenizer }: WordSource,
  onText: (texts: number) => void,
): WordCounts {
  const words = new WordCounts();
  let textCount = 0;
  for (const raw of texts) {
    const input = { text: toWellFormed(raw), atStart: true };
    const { text, atStart } = normalizer?.normalize(input) ?? input;
    if (preTokenizer.splitter instanceof ScannerSplitter) words.addScanned(text, preTokenizer.splitter.scanner);
    else eachPiece(preTokenizer, text, atStart, (piece, from, to) => words.addPiece(piece, from, to));
    onText(++textCount);
  }
  return words;
}
