import { grown, type IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import { idsOfByteTokens } from "./byte-tokens.ts";
import { PieceCache } from "./piece-cache.ts";
import { clearSpans, createTokenSpans, pushSpan } from "./token-spans.ts";
import { NO_STATE, ROOT, TokenTrie } from "./token-trie.ts";
import { unknownTextError } from "./unknown-text-error.ts";

/** How far below the worst token an unknown character scores. */
const UNKNOWN_PENALTY = 10;

/** A token with its score, a log-probability; the id is the place in the list. */
export type ScoredToken = readonly [token: string, score: number];

/** Options of Unigram, named as in tokenizer.json. */
export interface UnigramOptions {
  /** Place of the unknown token; without one, unknown text is an error. */
  readonly unkId: number | undefined;
  /** Spell unknown text by byte tokens when the vocabulary has all that it needs. */
  readonly byteFallback: boolean;
}

/**
 * Unigram (SentencePiece's other model): the tokens of highest total score, by Viterbi's algorithm.
 *
 * Of paths with equal scores into one place, the one whose last token is longest stays. Neighbouring unknown characters
 * are one unknown token. Cost: linear in the piece, times the longest token.
 */
export class UnigramModel implements Model {
  readonly #idOfToken: ReadonlyMap<string, number>;
  readonly #options: UnigramOptions;
  readonly #scores: Float64Array;
  readonly #unknownScore: number;
  readonly #trie: TokenTrie;
  readonly #byteIds: Int32Array;
  readonly #cache: PieceCache;
  readonly #path: TokenSpans = createTokenSpans();
  /** By end of a path, counted from the piece's beginning: its score, and where and with which id its last token is. */
  #best: Float64Array = new Float64Array(256);
  #starts: Int32Array = new Int32Array(256);
  #ids: Int32Array = new Int32Array(256);

  constructor(tokens: readonly ScoredToken[], options: UnigramOptions) {
    this.#idOfToken = new Map(tokens.map(([token], id) => [token, id]));
    this.#options = options;
    this.#scores = Float64Array.from(tokens, ([, score]) => score);
    this.#unknownScore = this.#scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    this.#trie = new TokenTrie(this.#idOfToken);
    this.#byteIds = idsOfByteTokens(this.#idOfToken);
    this.#cache = new PieceCache((text, from, to, out) => {
      this.#findPath(text, from, to);
      for (let i = 0; i < this.#path.ids.length; i++) out.push(this.#path.ids.data[i]!);
    });
  }

  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    this.#cache.encode(text, from, to, out);
  }

  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    this.#findPath(text, from, to);
    const { ids, starts, ends } = this.#path;
    for (let i = 0; i < ids.length; i++) pushSpan(out, ids.data[i]!, starts.data[i]!, ends.data[i]!);
  }

  /** Leave the tokens of one piece in `#path`. */
  #findPath(text: string, from: number, to: number): void {
    clearSpans(this.#path);
    this.#score(text, from, to);
    // Backwards along the best path, marking where its tokens end; then forwards over the marks.
    const ends = this.#starts;
    for (let end = to - from, next = -1; end >= 0; ) {
      const start = end === 0 ? -1 : this.#starts[end]!;
      ends[end] = next;
      next = end;
      end = start;
    }
    for (let start = 0; start < to - from; ) {
      let end = ends[start]!;
      if (this.#ids[end] === this.#options.unkId) {
        while (end < to - from && this.#ids[ends[end]!] === this.#options.unkId) end = ends[end]!;
        this.#pushUnknown(text, from + start, from + end);
      } else pushSpan(this.#path, this.#ids[end]!, from + start, from + end);
      start = end;
    }
  }

  /** Fill the tables with the best path to each end of a token. */
  #score(text: string, from: number, to: number): void {
    this.#reserve(to - from + 1);
    this.#starts.fill(-1, 0, to - from + 1);
    this.#best[0] = 0;
    for (let at = from; at < to; ) {
      const next = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
      let isCovered = false;
      for (let i = at, state = ROOT; i < to; ) {
        state = this.#trie.step(state, text.charCodeAt(i++));
        if (state === NO_STATE) break;
        const id = this.#trie.idAt(state);
        if (id < 0) continue;
        if (i === next) isCovered = true;
        this.#offer(at - from, i - from, id, this.#scores[id]!);
      }
      if (!isCovered) this.#offerUnknown(text, at, next, from);
      at = next;
    }
  }

  #offerUnknown(text: string, at: number, next: number, from: number): void {
    const { unkId } = this.#options;
    if (this.#offer(at - from, next - from, unkId ?? -1, this.#unknownScore) && unkId === undefined) {
      throw unknownTextError(text.slice(at, next), undefined);
    }
  }

  /** Take a token as the last one of the path to its end if that scores higher; true when taken. */
  #offer(start: number, end: number, id: number, score: number): boolean {
    const total = score + this.#best[start]!;
    if (this.#starts[end]! >= 0 && !(total > this.#best[end]!)) return false;
    this.#best[end] = total;
    this.#starts[end] = start;
    this.#ids[end] = id;
    return true;
  }

  /** A run of unknown characters: HF looks it up as a whole, which may know it after all, then spells it by bytes. */
  #pushUnknown(text: string, start: number, end: number): void {
    const run = text.slice(start, end);
    const known = this.#idOfToken.get(run);
    if (known === undefined && this.#options.byteFallback) {
      const ids = Array.from(new TextEncoder().encode(run), (byte) => this.#byteIds[byte]!);
      if (!ids.includes(-1)) {
        for (const id of ids) pushSpan(this.#path, id, start, end);
        return;
      }
    }
    pushSpan(this.#path, known ?? this.#options.unkId!, start, end);
  }

  #reserve(length: number): void {
    if (length <= this.#best.length) return;
    this.#best = grown(this.#best, length);
    this.#starts = grown(this.#starts, length);
    this.#ids = grown(this.#ids, length);
  }
}
