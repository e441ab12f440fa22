import { charOfByte } from "../byte-alphabet.ts";
import type { IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import type { ParseModelOptions } from "./model-part.ts";
import { PieceCache } from "./piece-cache.ts";
import { charactersOfBytes, clearSpans, createTokenSpans, pushSpan } from "./token-spans.ts";

const encoder = new TextEncoder();
const alphabet = Array.from({ length: 256 }, (_, byte) => charOfByte(byte));

/** Any model behind a ByteLevel pre-tokenizer: it gets each piece with bytes spelled by their printable stand-ins. */
export class ByteLevelModel implements Model {
  readonly #model: Model;
  readonly #cache: PieceCache | undefined;
  readonly #tokens: TokenSpans = createTokenSpans();

  /** @param isCached false for a model whose ids are drawn at random */
  constructor(model: Model, isCached: boolean) {
    this.#model = model;
    this.#cache = isCached ? new PieceCache((...piece) => this.#encode(...piece)) : undefined;
  }

  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    if (this.#cache === undefined) this.#encode(text, from, to, out);
    else this.#cache.encode(text, from, to, out);
  }

  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    const spelled = spell(text, from, to);
    const characters = charactersOfBytes(text, from, to);
    clearSpans(this.#tokens);
    this.#model.encodeSpans(spelled, 0, spelled.length, this.#tokens);
    const { ids, starts, ends } = this.#tokens;
    for (let i = 0; i < ids.length; i++) {
      pushSpan(out, ids.data[i]!, characters.starts[starts.data[i]!]!, characters.ends[ends.data[i]! - 1]!);
    }
  }

  #encode(text: string, from: number, to: number, out: IntBuffer): void {
    const spelled = spell(text, from, to);
    this.#model.encodePiece(spelled, 0, spelled.length, out);
  }
}

/** A model as the pre-tokenizer in front of it needs it. */
export function behind(model: Model, { byteLevel }: ParseModelOptions): Model {
  return byteLevel ? new ByteLevelModel(model, true) : model;
}

function spell(text: string, from: number, to: number): string {
  return Array.from(encoder.encode(text.slice(from, to)), (byte) => alphabet[byte]!).join("");
}
