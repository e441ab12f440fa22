import { sizeAt } from "./aligned-text.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { isWhiteSpace } from "./normalizers/white-space.ts";
import { hasCodePoint, unionOf } from "./unicode/code-point-ranges.ts";
import { codePointsOf } from "./unicode/code-points-of.ts";
import { toWellFormed } from "./utf8.ts";

/** An entry of tokenizer.json's `added_tokens`: text that becomes one id before pre-tokenization. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Dropped by `decode(ids, { skipSpecialTokens: true })`. */
  readonly special: boolean;
  /** Searched after the tokens that are not normalized, in the text that they leave once it is normalized. */
  readonly normalized: boolean;
  /** Swallows the white space before it. Default false. */
  readonly lstrip?: boolean;
  /** Swallows the white space after it. Default false. */
  readonly rstrip?: boolean;
  /** Found only where no word character stands directly before or after it. Default false. */
  readonly singleWord?: boolean;
}

/**
 * The text of a token as it is looked for, and as decoding writes it: normalized when the token says so.
 * A lone surrogate counts as U+FFFD.
 */
export function searchedContent(token: AddedToken, normalizer: Normalizer | undefined): string {
  const text = toWellFormed(token.content);
  if (!token.normalized || normalizer === undefined) return text;
  return normalizer.normalize({ text, atStart: true }).text;
}

interface TrieNode {
  token: AddedToken | undefined;
  readonly children: Map<number, TrieNode>;
}

/** With more beginnings than this, every unit is looked up in a table instead of one search for each beginning. */
const MAX_SEARCHES = 8;

/**
 * Finds added tokens in a text: at each place from the left the longest one, as HF tokenizers does.
 *
 * `normalizer` is applied to the contents of the tokens that are `normalized`. A content that it leaves empty is never
 * found; of several that it makes equal the first is taken (HF takes any).
 */
export class AddedTokenMatcher {
  readonly #root: TrieNode = { token: undefined, children: new Map() };
  readonly #beginnings: readonly string[];
  readonly #isFirstUnit: Uint8Array = new Uint8Array(1 << 16);

  constructor(tokens: Iterable<AddedToken>, normalizer?: Normalizer | undefined) {
    const contents: string[] = [];
    for (const token of tokens) {
      const content = searchedContent(token, normalizer);
      if (content === "") continue;
      this.#insert(content, token);
      contents.push(content);
    }
    this.#beginnings = commonBeginnings(contents);
  }

  /**
   * Call `emit` for each part of the text in order: id -1 for ordinary text, else one added token.
   *
   * A part may overlap the one before it: a token that swallowed the white space behind it does not keep other tokens
   * from being found there.
   */
  split(text: string, emit: (from: number, to: number, id: number) => void): void {
    const finder = this.#finder(text);
    const runs = new WhiteSpaceRuns(text);
    let end = 0;
    for (let at = finder.next(0); at < text.length; ) {
      const match = this.#longestAt(text, at);
      if (match === undefined) {
        at = finder.next(at + 1);
        continue;
      }
      const stop = at + match.length;
      const range = reach(runs, match.token, at, stop, end);
      at = finder.next(stop);
      if (range === undefined) continue;
      const [from, to] = range;
      if (from > end) emit(end, from, -1);
      emit(from, to, match.token.id);
      end = to;
    }
    if (end < text.length) emit(end, text.length, -1);
  }

  #finder(text: string): Finder {
    if (this.#beginnings.length > MAX_SEARCHES) return new TableFinder(text, this.#isFirstUnit);
    return new SearchFinder(text, this.#beginnings);
  }

  #insert(content: string, token: AddedToken): void {
    this.#isFirstUnit[content.charCodeAt(0)] = 1;
    let node = this.#root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      const child: TrieNode = node.children.get(unit) ?? { token: undefined, children: new Map() };
      node.children.set(unit, child);
      node = child;
    }
    node.token ??= token;
  }

  #longestAt(text: string, start: number): { token: AddedToken; length: number } | undefined {
    let found: { token: AddedToken; length: number } | undefined;
    let node: TrieNode | undefined = this.#root;
    for (let at = start; node !== undefined; at++) {
      if (node.token !== undefined) found = { token: node.token, length: at - start };
      node = at < text.length ? node.children.get(text.charCodeAt(at)) : undefined;
    }
    return found;
  }
}

/**
 * What a found token covers; undefined where it may not stand, and where the part before it, which ended at `end`, has
 * swallowed all of it. HF panics when that part ended even behind it.
 */
function reach(
  runs: WhiteSpaceRuns,
  token: AddedToken,
  start: number,
  stop: number,
  end: number,
): readonly [from: number, to: number] | undefined {
  const { text } = runs;
  if (token.singleWord && (isWordBefore(text, start) || isWordAt(text, stop))) return undefined;
  let [from, to] = [start, stop];
  if (token.lstrip) {
    while (from > end && isWhiteSpace(text.charCodeAt(from - 1))) from--;
    from = Math.max(from, end);
  }
  if (token.rstrip) to = runs.endFrom(to);
  return from < to ? [from, to] : undefined;
}

/** Ends of white space, the last one kept: in a long run many tokens may ask for it. */
class WhiteSpaceRuns {
  readonly text: string;
  #from = 0;
  #to = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The first place from `at` on that has no white space. */
  endFrom(at: number): number {
    if (at >= this.#from && at < this.#to) return this.#to;
    this.#from = this.#to = at;
    while (this.#to < this.text.length && isWhiteSpace(this.text.charCodeAt(this.#to))) this.#to++;
    return this.#to;
  }
}

let wordCharacters: readonly number[] | undefined;

/** `\w` of Rust's regex: letters, marks, decimal digits, connectors and the two joiners. */
function isWordAt(text: string, at: number): boolean {
  if (at >= text.length) return false;
  wordCharacters ??= unionOf(...["Alphabetic", "M", "Nd", "Pc"].map(codePointsOf), [0x200c, 0x200d]);
  return hasCodePoint(wordCharacters, text.codePointAt(at)!);
}

function isWordBefore(text: string, at: number): boolean {
  if (at === 0) return false;
  return isWordAt(text, at >= 2 && sizeAt(text, at - 2) === 2 ? at - 2 : at - 1);
}

/** Tokens by their first two units, each group as what all of it begins with: rarer than a single unit in a text. */
function commonBeginnings(contents: readonly string[]): string[] {
  const byHead = new Map<string, string>();
  for (const content of contents) {
    const head = content.slice(0, 2);
    const known = byHead.get(head);
    byHead.set(head, known === undefined ? content : commonPrefix(known, content));
  }
  const heads = [...byHead.values()];
  return heads.filter((head) => !heads.some((other) => other !== head && head.startsWith(other)));
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** Goes through the places of a text where a token may begin. */
interface Finder {
  /** The first such place from `from` on, or at least the text's length. Calls come with rising `from`. */
  next(from: number): number;
}

/** One search for each beginning, which the engine does at memory speed; none is made twice for one place. */
class SearchFinder implements Finder {
  readonly #text: string;
  readonly #beginnings: readonly string[];
  readonly #places: number[];

  constructor(text: string, beginnings: readonly string[]) {
    this.#text = text;
    this.#beginnings = beginnings;
    this.#places = beginnings.map(() => -1);
  }

  next(from: number): number {
    let nearest = this.#text.length;
    for (let i = 0; i < this.#places.length; i++) {
      let place = this.#places[i]!;
      if (place < from) {
        const found = this.#text.indexOf(this.#beginnings[i]!, from);
        place = found < 0 ? this.#text.length : found;
        this.#places[i] = place;
      }
      if (place < nearest) nearest = place;
    }
    return nearest;
  }
}

class TableFinder implements Finder {
  readonly #text: string;
  readonly #isFirstUnit: Uint8Array;

  constructor(text: string, isFirstUnit: Uint8Array) {
    this.#text = text;
    this.#isFirstUnit = isFirstUnit;
  }

  next(from: number): number {
    const text = this.#text;
    const table = this.#isFirstUnit;
    let at = from;
    while (at < text.length && table[text.charCodeAt(at)] === 0) at++;
    return at;
  }
}
