import type { IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import { PieceCache } from "./piece-cache.ts";
import { pushSpan } from "./token-spans.ts";
import { unknownTextError } from "./unknown-text-error.ts";

/** WordLevel: a piece is one token of the vocabulary, or the unknown token. */
export class WordLevelModel implements Model {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #unknownToken: string;
  readonly #cache: PieceCache;

  constructor(vocab: ReadonlyMap<string, number>, unknownToken: string) {
    this.#vocab = vocab;
    this.#unknownToken = unknownToken;
    this.#cache = new PieceCache((text, from, to, out) => out.push(this.#idOf(text.slice(from, to))));
  }

  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    this.#cache.encode(text, from, to, out);
  }

  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    pushSpan(out, this.#idOf(text.slice(from, to)), from, to);
  }

  #idOf(piece: string): number {
    const id = this.#vocab.get(piece) ?? this.#vocab.get(this.#unknownToken);
    if (id === undefined) throw unknownTextError(piece, this.#unknownToken);
    return id;
  }
}
