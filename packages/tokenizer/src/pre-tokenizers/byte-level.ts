import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import { charOfByte } from "../byte-alphabet.ts";
import { cutting, type PreTokenizer, rewriting, type Splitter } from "../pre-tokenizer.ts";

const encoder = new TextEncoder();

/** ByteLevel's `add_prefix_space`: a space that stands for the first character, unless the text begins with one. */
export function withPrefixSpace(input: AlignedText): AlignedText {
  if (input.text === "" || input.text.startsWith(" ")) return input;
  const builder = new AlignedTextBuilder(input);
  builder.put(" ", 0);
  builder.copy(0, input.text.length);
  return builder.build();
}

/** Each character as the stand-ins of its UTF-8 bytes; all of them stand for the character. */
export function toByteAlphabet(input: AlignedText): AlignedText {
  const builder = new AlignedTextBuilder(input);
  const { text } = input;
  for (let at = 0; at < text.length; at += sizeAt(text, at)) {
    const bytes = encoder.encode(text.slice(at, at + sizeAt(text, at)));
    builder.put(Array.from(bytes, charOfByte).join(""), at);
  }
  return builder.build();
}

/** Write the pieces of a pre-tokenizer in the byte alphabet: ByteLevel where its characters are needed as text. */
export function inByteAlphabet(inner: PreTokenizer): PreTokenizer {
  return { splitter: undefined, byteLevel: false, pieces: (input) => inner.pieces(input).map(toByteAlphabet) };
}

/** ByteLevel with its characters left unwritten (`PreTokenizer.byteLevel`). */
export function byteLevel(splitter: Splitter, addPrefixSpace: boolean): PreTokenizer {
  return addPrefixSpace ? rewriting(withPrefixSpace, splitter, true) : cutting(splitter, true);
}
