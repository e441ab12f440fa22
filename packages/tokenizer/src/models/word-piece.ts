import type { IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import { PieceCache } from "./piece-cache.ts";
import { clearSpans, createTokenSpans, pushSpan } from "./token-spans.ts";
import { NO_STATE, ROOT, TokenTrie } from "./token-trie.ts";
import { unknownTextError } from "./unknown-text-error.ts";

/** Options of WordPiece, named as in tokenizer.json. */
export interface WordPieceOptions {
  readonly unkToken: string;
  /** What tokens inside a word begin with in the vocabulary, such as "##". */
  readonly continuingSubwordPrefix: string;
  /** A longer word (in code points) is unknown as a whole. */
  readonly maxInputCharsPerWord: number;
}

/**
 * WordPiece, as BERT uses it: at each place of a word the longest token that fits, and the unknown token for the whole
 * word when one place fits none.
 *
 * Cost: the length of the word times the longest token, by a trie for word beginnings and one for what continues.
 */
export class WordPieceModel implements Model {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #options: WordPieceOptions;
  readonly #beginning: TokenTrie;
  readonly #continuing: TokenTrie;
  readonly #cache: PieceCache;
  readonly #word: TokenSpans = createTokenSpans();

  constructor(vocab: ReadonlyMap<string, number>, options: WordPieceOptions) {
    const prefix = options.continuingSubwordPrefix;
    this.#vocab = vocab;
    this.#options = options;
    this.#beginning = new TokenTrie(vocab);
    const continuing = [...vocab].filter(([token]) => token.startsWith(prefix));
    this.#continuing =
      prefix === ""
        ? this.#beginning
        : new TokenTrie(continuing.map(([token, id]) => [token.slice(prefix.length), id]));
    this.#cache = new PieceCache((text, from, to, out) => {
      this.#split(text, from, to);
      for (let i = 0; i < this.#word.ids.length; i++) out.push(this.#word.ids.data[i]!);
    });
  }

  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    this.#cache.encode(text, from, to, out);
  }

  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    this.#split(text, from, to);
    const { ids, starts, ends } = this.#word;
    for (let i = 0; i < ids.length; i++) pushSpan(out, ids.data[i]!, starts.data[i]!, ends.data[i]!);
  }

  /** Leave the tokens of one word in `#word`. */
  #split(text: string, from: number, to: number): void {
    clearSpans(this.#word);
    if (from === to || (!this.#isTooLong(text, from, to) && this.#splitKnown(text, from, to))) return;
    const { unkToken } = this.#options;
    const unknown = this.#vocab.get(unkToken);
    if (unknown === undefined) throw unknownTextError(text.slice(from, to), unkToken);
    clearSpans(this.#word);
    pushSpan(this.#word, unknown, from, to);
  }

  #isTooLong(text: string, from: number, to: number): boolean {
    const limit = this.#options.maxInputCharsPerWord;
    if (to - from <= limit) return false;
    let characters = 0;
    for (let i = from; i < to && characters <= limit; characters++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
    return characters > limit;
  }

  #splitKnown(text: string, from: number, to: number): boolean {
    for (let start = from; start < to; ) {
      const trie = start === from ? this.#beginning : this.#continuing;
      let end = start;
      let id = -1;
      let state = ROOT;
      for (let i = start; i < to; ) {
        state = trie.step(state, text.charCodeAt(i++));
        if (state === NO_STATE) break;
        if (trie.idAt(state) < 0) continue;
        id = trie.idAt(state);
        end = i;
      }
      if (id < 0) return false;
      pushSpan(this.#word, id, start, end);
      start = end;
    }
    return true;
  }
}
