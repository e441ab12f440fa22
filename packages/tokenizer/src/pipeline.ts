/**
 * From one text to tokens, as HF does it: added tokens of the raw text are cut out, each rest is normalized apart, added
 * tokens of the normalized text are cut out, the pre-tokenizer cuts the rest, the model encodes each piece.
 *
 * There are two ways through it. `encodeInto` gives ids alone and hands ranges of strings on; `encodeTracked` carries
 * along where each unit comes from, and what else an Encoding says. Their ids are the same.
 */
import { type AlignedText, sliceAligned, track } from "./aligned-text.ts";
import { BpeModel } from "./bpe/bpe-model.ts";
import type { EncodingColumns } from "./encoding/encoding-columns.ts";
import { IntBuffer } from "./growable.ts";
import type { Model, TokenSpans } from "./model.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { eachPiece, type PreTokenizer } from "./pre-tokenizer.ts";
import { ScannerSplitter } from "./scanners/scanner-splitter.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What a text goes through. */
export interface PipelineParts {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer;
  readonly model: Model;
  readonly vocabulary: Vocabulary;
  /** An id that is spelled as the text it stands for: Unigram's unknown token. */
  readonly spelledAsText?: number | undefined;
}

/** HF stops encoding pieces at this many tokens when truncation would drop the rest, which shortens what overflows. */
export interface TokenLimit {
  readonly maxTokens: number;
  readonly direction: "Left" | "Right";
}

/** How a text is tracked. */
export interface TrackOptions {
  readonly limit?: TokenLimit | undefined;
  /** Default true; false takes the texts of added tokens like any other. */
  readonly findAdded?: boolean;
}

/** A piece `[start, end)` of a text: ordinary text, or one added token. There are many: a class keeps them small. */
class Piece {
  readonly text: AlignedText;
  readonly start: number;
  readonly end: number;
  /** Id of the added token, or -1. */
  readonly id: number;
  /** Tokens `[from, to)` of the spans are the piece's; an added token has none. */
  from = 0;
  to = 0;

  constructor(text: AlignedText, start: number, end: number, id = -1) {
    this.text = text;
    this.start = start;
    this.end = end;
    this.id = id;
  }
}

/** The steps of a tokenizer, put together. */
export class Pipeline {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Append the ids of a well-formed text to `out`; without `findAdded` the texts of added tokens are like any other. */
  encodeInto(text: string, out: IntBuffer, findAdded = true): void {
    const { rawMatcher } = this.#parts.vocabulary;
    if (rawMatcher === undefined || !findAdded) {
      if (text.length > 0) this.#encodeRaw(text, true, out, findAdded);
      return;
    }
    rawMatcher.split(text, (from, to, id) => {
      if (id >= 0) out.push(id);
      else this.#encodeRaw(from === 0 && to === text.length ? text : text.slice(from, to), from === 0, out, true);
    });
  }

  #encodeRaw(raw: string, rawAtStart: boolean, out: IntBuffer, findAdded: boolean): void {
    const { normalizer, vocabulary } = this.#parts;
    const { text, atStart } = normalizer?.normalize({ text: raw, atStart: rawAtStart }) ?? {
      text: raw,
      atStart: rawAtStart,
    };
    const { normalizedMatcher } = vocabulary;
    if (normalizedMatcher === undefined || !findAdded) {
      this.#encodeOrdinary(text, atStart, out);
      return;
    }
    normalizedMatcher.split(text, (from, to, id) => {
      if (id >= 0) out.push(id);
      else {
        const rest = from === 0 && to === text.length ? text : text.slice(from, to);
        this.#encodeOrdinary(rest, atStart && from === 0, out);
      }
    });
  }

  /** The hot path: text without added tokens. */
  #encodeOrdinary(text: string, atStart: boolean, out: IntBuffer): void {
    const { preTokenizer, model } = this.#parts;
    if (preTokenizer.splitter instanceof ScannerSplitter && model instanceof BpeModel) {
      model.encodeScanned(text, preTokenizer.splitter.scanner, out);
      return;
    }
    eachPiece(preTokenizer, text, atStart, (source, from, to) => model.encodePiece(source, from, to, out));
  }

  /**
   * The tokens of a well-formed text with all columns; offsets in units of UTF-16.
   *
   * Added tokens that stand in the text otherwise than in the vocabulary (with white space they swallowed, or
   * normalized) are added to `spellings`.
   */
  encodeTracked(
    text: string,
    sequence: number,
    spellings: string[],
    { limit, findAdded = true }: TrackOptions = {},
  ): EncodingColumns {
    const spans: TokenSpans = { ids: new IntBuffer(16), starts: new IntBuffer(16), ends: new IntBuffer(16) };
    const pieces = this.#encodePieces(this.#piecesOf(text, findAdded), spans, limit);
    const out = new TrackedRows(sequence);
    pieces.forEach((piece, word) => {
      if (piece.id >= 0) out.push(piece.id, this.#spelling(piece, spellings), word, piece.text, piece.start, piece.end);
      for (let i = piece.from; i < piece.to; i++) {
        const id = spans.ids.data[i]!;
        const [from, to] = [spans.starts.data[i]!, spans.ends.data[i]!];
        const isText = id === this.#parts.spelledAsText;
        const spelling = isText ? -spellings.push(piece.text.text.slice(from, to)) : id;
        out.push(id, spelling, word, piece.text, from, to);
      }
    });
    return out.toColumns();
  }

  #piecesOf(raw: string, findAdded: boolean): Piece[] {
    const { rawMatcher } = this.#parts.vocabulary;
    const whole = track(raw);
    const pieces: Piece[] = [];
    if (raw.length === 0) return pieces;
    if (rawMatcher === undefined || !findAdded) this.#cutNormalized(whole, pieces, findAdded);
    else {
      rawMatcher.split(raw, (from, to, id) => {
        if (id >= 0) pieces.push(new Piece(whole, from, to, id));
        else this.#cutNormalized(sliceAligned(whole, from, to), pieces, true);
      });
    }
    return pieces;
  }

  #cutNormalized(raw: AlignedText, pieces: Piece[], findAdded: boolean): void {
    const { normalizer, preTokenizer, vocabulary } = this.#parts;
    const whole = normalizer?.normalize(raw) ?? raw;
    const cut = (text: AlignedText): void => {
      // A range is enough where the pre-tokenizer only cuts: a slice of everything for each word is what would cost.
      if (preTokenizer.splitter !== undefined) {
        preTokenizer.splitter.split(text.text, (start, end) => pieces.push(new Piece(text, start, end)));
        return;
      }
      for (const piece of preTokenizer.pieces(text)) {
        if (piece.text.length > 0) pieces.push(new Piece(piece, 0, piece.text.length));
      }
    };
    if (whole.text.length === 0) return;
    if (vocabulary.normalizedMatcher === undefined || !findAdded) cut(whole);
    else {
      vocabulary.normalizedMatcher.split(whole.text, (from, to, id) => {
        if (id >= 0) pieces.push(new Piece(whole, from, to, id));
        else cut(sliceAligned(whole, from, to));
      });
    }
  }

  /** Encode pieces from the side that is kept, until there are tokens enough. */
  #encodePieces(pieces: readonly Piece[], spans: TokenSpans, limit: TokenLimit | undefined): readonly Piece[] {
    const isLeft = limit?.direction === "Left";
    const most = limit?.maxTokens ?? Number.POSITIVE_INFINITY;
    let total = 0;
    let done = 0;
    while (done < pieces.length) {
      const piece = pieces[isLeft ? pieces.length - 1 - done : done]!;
      done++;
      piece.from = spans.ids.length;
      if (piece.id < 0) this.#parts.model.encodeSpans(piece.text.text, piece.start, piece.end, spans);
      piece.to = spans.ids.length;
      total += piece.id < 0 ? piece.to - piece.from : 1;
      if (piece.id < 0 && total >= most) break;
    }
    return isLeft ? pieces.slice(pieces.length - done) : pieces.slice(0, done);
  }

  #spelling({ id, text, start, end }: Piece, spellings: string[]): number {
    const written = text.text.slice(start, end);
    return this.#parts.vocabulary.tokenOf(id) === written ? id : -spellings.push(written);
  }
}

/** Collects rows in buffers, as their number is not known beforehand. */
class TrackedRows {
  readonly #sequence: number;
  readonly #ids = new IntBuffer(64);
  readonly #spellings = new IntBuffer(64);
  readonly #words = new IntBuffer(64);
  readonly #offsets = new IntBuffer(128);

  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /** A token that stands for `text[from, to)`. */
  push(id: number, spelling: number, word: number, { origin }: AlignedText, from: number, to: number): void {
    this.#ids.push(id);
    this.#spellings.push(spelling);
    this.#words.push(word);
    const start = origin!.starts[from] ?? 0;
    this.#offsets.push(start);
    this.#offsets.push(to > from ? origin!.ends[to - 1]! : start);
  }

  toColumns(): EncodingColumns {
    const filled = (value: number): Int32Array => new Int32Array(this.#ids.length).fill(value);
    return {
      ids: this.#ids.toArray(),
      offsets: this.#offsets.toArray(),
      spellings: this.#spellings.toArray(),
      wordIds: this.#words.toArray(),
      typeIds: filled(this.#sequence),
      sequenceIds: filled(this.#sequence),
      attentionMask: filled(1),
      specialTokensMask: filled(0),
    };
  }
}
