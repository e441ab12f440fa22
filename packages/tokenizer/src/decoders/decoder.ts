/** The part of a tokenizer that turns tokens into text. */
export interface Decoder {
  /** The text of some tokens, as the vocabulary spells them. */
  decode(tokens: readonly string[]): string;
  /** Decode tokens as they come: the parts joined are what `decode` gives for all of them. */
  stream(): TokenStream;
  /** True when the text is the tokens' bytes end to end (ByteLevel alone), which ids give faster than strings. */
  readonly isByteLevel: boolean;
}

/** A decoding under way. */
export interface TokenStream {
  /** The text that is certain after one more token: never a part of a character. */
  push(token: string): string;
  /** What was held back. The stream starts anew afterwards. */
  end(): string;
}
