import { replaceEvery, replaceMatches } from "./replace-every.ts";
import { type DecoderStep, mapTokens, type TokenSink } from "./token-sink.ts";

/** Replace every occurrence of a text in each token; holds back only what may be the beginning of an occurrence. */
export function replaceTextStep(pattern: string, content: string): DecoderStep {
  if (pattern === "") return mapTokens((token) => (token === "" ? "" : replaceEvery(token, "", content)));
  return (next) => new ReplaceSink(next, pattern, content);
}

/** Replace every match of a global RegExp in each token. */
export function replaceRegexStep(regex: RegExp, content: string): DecoderStep {
  return mapTokens((token) => replaceMatches(token, regex, content));
}

class ReplaceSink implements TokenSink {
  readonly #next: TokenSink;
  readonly #pattern: string;
  readonly #content: string;
  #held = "";

  constructor(next: TokenSink, pattern: string, content: string) {
    this.#next = next;
    this.#pattern = pattern;
    this.#content = content;
  }

  write(part: string): void {
    const pieces = (this.#held + part).split(this.#pattern);
    const last = pieces.pop()!;
    const certain = last.length - this.#lengthOfBeginning(last);
    this.#held = last.slice(certain);
    const text = [...pieces, last.slice(0, certain)].join(this.#content);
    if (text !== "") this.#next.write(text);
  }

  close(): void {
    if (this.#held !== "") this.#next.write(this.#held);
    this.#held = "";
    this.#next.close();
  }

  end(): void {
    this.#next.end();
  }

  /** Length of the longest end of `text` that begins the pattern. */
  #lengthOfBeginning(text: string): number {
    let length = Math.min(text.length, this.#pattern.length - 1);
    while (!this.#pattern.startsWith(text.slice(text.length - length))) length--;
    return length;
  }
}
