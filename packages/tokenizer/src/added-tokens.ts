import { toWellFormed } from "./utf8.ts";

/** An entry of tokenizer.json's `added_tokens`: text that becomes one id before pre-tokenization. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Dropped by `decode(ids, { skipSpecialTokens: true })`. */
  readonly special: boolean;
  /** Searched after the tokens that are not normalized, in the text that they leave. */
  readonly normalized: boolean;
  /** Swallows the white space before it. Default false. */
  readonly lstrip?: boolean;
  /** Swallows the white space after it. Default false. */
  readonly rstrip?: boolean;
  /** Found only where no word character stands directly before or after it. Default false. */
  readonly singleWord?: boolean;
}

interface TrieNode {
  id: number;
  readonly children: Map<number, TrieNode>;
}

/** Finds added tokens in a text: at each place from the left the longest one, as HF tokenizers does. */
export class AddedTokenMatcher {
  readonly #root: TrieNode = { id: -1, children: new Map() };
  readonly #isFirstUnit: Uint8Array = new Uint8Array(1 << 16);

  constructor(tokens: Iterable<AddedToken>) {
    for (const token of tokens) this.#insert(toWellFormed(token.content), token.id);
  }

  /** Call `emit` for each part of the text in order: id -1 for ordinary text, else one added token. */
  split(text: string, emit: (from: number, to: number, id: number) => void): void {
    let end = 0;
    for (let at = 0; at < text.length; at++) {
      if (this.#isFirstUnit[text.charCodeAt(at)] === 0) continue;
      const match = this.#longestAt(text, at);
      if (match === undefined) continue;
      if (at > end) emit(end, at, -1);
      end = at + match.length;
      emit(at, end, match.id);
      at = end - 1;
    }
    if (end < text.length) emit(end, text.length, -1);
  }

  #insert(content: string, id: number): void {
    if (content.length === 0) return;
    this.#isFirstUnit[content.charCodeAt(0)] = 1;
    let node = this.#root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      const child: TrieNode = node.children.get(unit) ?? { id: -1, children: new Map() };
      node.children.set(unit, child);
      node = child;
    }
    node.id = id;
  }

  #longestAt(text: string, start: number): { id: number; length: number } | undefined {
    let found: { id: number; length: number } | undefined;
    let node: TrieNode | undefined = this.#root;
    for (let at = start; node !== undefined; at++) {
      if (node.id >= 0) found = { id: node.id, length: at - start };
      node = at < text.length ? node.children.get(text.charCodeAt(at)) : undefined;
    }
    return found;
  }
}
