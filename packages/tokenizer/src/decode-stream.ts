import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/**
 * Decode ids as they come, without ever splitting a character.
 *
 * The pieces joined are what `decode` gives for all ids at once. Bytes that may still become a character are held back
 * until the next token, or `end`, decides.
 */
export class DecodeStream {
  readonly #tokenizer: Tokenizer;
  readonly #skipSpecialTokens: boolean;
  #decoder: TextDecoder = newDecoder();

  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#skipSpecialTokens = options.skipSpecialTokens ?? false;
  }

  /**
   * The text that one more id completes, "" while a character is still in parts.
   * @throws OutOfRangeError for an id without a token.
   */
  push(id: number): string {
    const bytes = this.#tokenizer.bytesOf(id);
    if (this.#skipSpecialTokens && this.#tokenizer.isSpecial(id)) return "";
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** What is left: U+FFFD for a character that never got its last byte. The stream can be used anew afterwards. */
  end(): string {
    const rest = this.#decoder.decode();
    this.#decoder = newDecoder();
    return rest;
  }
}

function newDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
