import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";

/**
 * Rewrite single characters: each that `pattern` (global, one code point a match) finds becomes what `replace` gives,
 * which stands for it; nothing removes it.
 */
export function rewriteCharacters(
  input: AlignedText,
  pattern: RegExp,
  replace: (character: string) => string,
): AlignedText {
  const { text } = input;
  if (input.origin === undefined) {
    const rewritten = text.replace(pattern, replace);
    return rewritten === text
      ? input
      : { text: rewritten, atStart: input.atStart && staysFirst(text, pattern, replace) };
  }
  const builder = new AlignedTextBuilder(input);
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    builder.copy(end, match.index);
    builder.put(replace(match[0]), match.index);
    end = match.index + match[0].length;
  }
  if (end === 0) return input;
  builder.copy(end, text.length);
  return builder.build();
}

/** Remove the characters that `pattern` finds. */
export function removeCharacters(input: AlignedText, pattern: RegExp): AlignedText {
  return rewriteCharacters(input, pattern, () => "");
}

function staysFirst(text: string, pattern: RegExp, replace: (character: string) => string): boolean {
  return text.slice(0, sizeAt(text, 0)).replace(pattern, replace) !== "";
}

/**
 * Follows the origins through a rewriting that is told character by character, as HF's `transform` does. Each new
 * character comes with a change:
 * - 0: it takes the place of the next character of the source;
 * - 1: it is new, and stands for the same as the last character taken;
 * - -n: it takes the place of the next character, and the n after that one are gone.
 */
export class ChangeWriter {
  readonly #text: string;
  readonly #builder: AlignedTextBuilder;
  #position: number;
  /** First unit of the last character taken; -1 when there is none. */
  #taken = -1;

  /** Changes of `source` from `from` on are appended to `builder`, which was made from the same source. */
  constructor(source: AlignedText, builder: AlignedTextBuilder, from = 0) {
    this.#text = source.text;
    this.#builder = builder;
    this.#position = from;
    if (from > 0) this.#taken = from - ((source.text.charCodeAt(from - 1) & 0xfc00) === 0xdc00 ? 2 : 1);
  }

  write(character: string, change: number): void {
    if (change > 0) {
      if (this.#taken < 0) this.#builder.putBefore(character);
      else this.#builder.put(character, this.#taken);
      return;
    }
    this.#builder.put(character, Math.min(this.#position, this.#text.length - 1));
    for (let i = change; i <= 0; i++) this.#take();
  }

  #take(): void {
    if (this.#position >= this.#text.length) return;
    this.#taken = this.#position;
    this.#position += sizeAt(this.#text, this.#position);
  }
}
