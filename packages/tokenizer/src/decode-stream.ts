import type { Decoder, TokenStream } from "./decoders/decoder.ts";
import type { DecodeOptions } from "./tokenizer.ts";

/** What a stream asks of a tokenizer. */
export interface DecodingTokenizer {
  readonly decoder: Decoder;
  /** The bytes of an id. @throws OutOfRangeError for an id without a token. */
  bytesOf(id: number): Uint8Array;
  tokenOf(id: number): string | undefined;
  isSpecial(id: number): boolean;
}

/**
 * Decode ids as they come, without ever splitting a character.
 *
 * The pieces joined are what `decode` gives for all ids at once, with every decoder. What a later token may still
 * change is held back until one decides, or `end`: bytes that may become a character; with byte fallback, a run of
 * byte tokens (one wrong byte turns all of them to U+FFFD); the last token where a suffix becomes a space.
 */
export class DecodeStream {
  readonly #tokenizer: DecodingTokenizer;
  readonly #skipSpecialTokens: boolean;
  readonly #tokens: TokenStream | undefined;
  #bytes: TextDecoder = newDecoder();

  constructor(tokenizer: DecodingTokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#skipSpecialTokens = options.skipSpecialTokens ?? false;
    this.#tokens = tokenizer.decoder.isByteLevel ? undefined : tokenizer.decoder.stream();
  }

  /**
   * The text that one more id completes, "" while a character is still in parts.
   * @throws OutOfRangeError for an id without a token.
   */
  push(id: number): string {
    const bytes = this.#tokenizer.bytesOf(id);
    if (this.#skipSpecialTokens && this.#tokenizer.isSpecial(id)) return "";
    if (this.#tokens === undefined) return this.#bytes.decode(bytes, { stream: true });
    return this.#tokens.push(this.#tokenizer.tokenOf(id)!);
  }

  /** What is left: U+FFFD for a character that never got its last byte. The stream can be used anew afterwards. */
  end(): string {
    if (this.#tokens !== undefined) return this.#tokens.end();
    const rest = this.#bytes.decode();
    this.#bytes = newDecoder();
    return rest;
  }
}

function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
