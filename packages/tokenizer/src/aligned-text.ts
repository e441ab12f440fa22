/**
 * Texts that remember where they come from, as HF's NormalizedString does: every unit of a rewritten text knows the
 * range of the input that it stands for.
 *
 * A text without `origin` goes through the same steps and pays nothing for it.
 */

/** A text on its way through normalizers and pre-tokenizers. All positions are UTF-16 units of well-formed strings. */
export interface AlignedText {
  readonly text: string;
  /** Where its units come from; absent when nobody asked for offsets, which costs nothing then. */
  readonly origin?: Origin | undefined;
  /** True when it begins where the whole input begins: Metaspace's `prepend_scheme: "first"` asks for it. */
  readonly atStart: boolean;
}

/** By unit of the text: the range of the input that it comes from. Both units of a surrogate pair have the same range. */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/**
 * A part of the input, before any rewriting, with the origin of every unit: its own code point.
 *
 * `offset` is the part's position in the input; it is the beginning of the input when that is 0, unless said otherwise.
 */
export function track(text: string, offset = 0, atStart: boolean = offset === 0): AlignedText {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let at = 0; at < text.length; ) {
    const size = sizeAt(text, at);
    const [start, end] = [offset + at, offset + at + size];
    for (const stop = at + size; at < stop; at++) {
      starts[at] = start;
      ends[at] = end;
    }
  }
  return { text, origin: { starts, ends }, atStart };
}

/** The same without origins, for those who want no offsets. */
export function untracked(text: string, atStart: boolean): AlignedText {
  return { text, atStart };
}

/** `text[from, to)` with its origins (views, not copies). It is at the start of the input when the whole is and `from` is 0. */
export function sliceAligned(input: AlignedText, from: number, to: number): AlignedText {
  if (from === 0 && to === input.text.length) return input;
  const text = input.text.slice(from, to);
  const atStart = input.atStart && from === 0;
  const { origin } = input;
  if (origin === undefined) return { text, atStart };
  return { text, atStart, origin: { starts: origin.starts.subarray(from, to), ends: origin.ends.subarray(from, to) } };
}

/**
 * The range of the input that `text[from, to)` stands for, as HF converts offsets: from the first unit's start to the
 * last unit's end. Undefined for an empty range, and when the text is not tracked.
 */
export function originOf(
  input: AlignedText,
  from: number,
  to: number,
): readonly [start: number, end: number] | undefined {
  const { origin } = input;
  if (origin === undefined || from >= to) return undefined;
  return [origin.starts[from]!, origin.ends[to - 1]!];
}

/** Units of the code point at a position of a well-formed text: 1 or 2. */
export function sizeAt(text: string, at: number): 1 | 2 {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1;
}

/**
 * Builds a rewritten text from its source, from left to right: what stays is copied with its origins, what is new takes
 * the origin of a unit of the source. Tracks exactly when the source is tracked.
 *
 * The result is at the start of the input when its first character stands for the source's first one.
 */
export class AlignedTextBuilder {
  readonly #source: AlignedText;
  readonly #parts: string[] = [];
  #starts: Int32Array;
  #ends: Int32Array;
  #length = 0;
  #atStart = false;

  constructor(source: AlignedText) {
    this.#source = source;
    const room = source.origin === undefined ? 0 : source.text.length + 16;
    this.#starts = new Int32Array(room);
    this.#ends = new Int32Array(room);
  }

  /** Append the source's `text[from, to)` as it is. */
  copy(from: number, to: number): void {
    if (from >= to) return;
    const at = this.#append(this.#source.text.slice(from, to), from === 0);
    const { origin } = this.#source;
    if (origin === undefined) return;
    this.#starts.set(origin.starts.subarray(from, to), at);
    this.#ends.set(origin.ends.subarray(from, to), at);
  }

  /** Append new text that stands for the source's character at `unit` (its first unit). */
  put(text: string, unit: number): void {
    if (text.length === 0) return;
    const at = this.#append(text, unit === 0);
    const { origin } = this.#source;
    if (origin === undefined) return;
    const [start, end] = [origin.starts[unit]!, origin.ends[unit]!];
    for (let i = at; i < this.#length; i++) {
      this.#starts[i] = start;
      this.#ends[i] = end;
    }
  }

  /** Append new text that stands for nothing, before the source's first character: an empty range. */
  putBefore(text: string): void {
    if (text.length === 0) return;
    const at = this.#append(text, true);
    const { origin } = this.#source;
    if (origin === undefined) return;
    this.#starts.fill(origin.starts[0] ?? 0, at, this.#length);
    this.#ends.fill(origin.starts[0] ?? 0, at, this.#length);
  }

  /** The text so far. The builder is not used afterwards. */
  build(): AlignedText {
    const text = this.#parts.join("");
    const atStart = this.#source.atStart && (this.#atStart || text.length === 0);
    if (this.#source.origin === undefined) return { text, atStart };
    const starts = this.#starts.subarray(0, this.#length);
    return { text, atStart, origin: { starts, ends: this.#ends.subarray(0, this.#length) } };
  }

  #append(text: string, fromFirst: boolean): number {
    const at = this.#length;
    if (at === 0) this.#atStart = fromFirst;
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#source.origin !== undefined && this.#length > this.#starts.length) this.#grow();
    return at;
  }

  #grow(): void {
    const room = 2 * this.#length;
    const [starts, ends] = [this.#starts, this.#ends];
    this.#starts = new Int32Array(room);
    this.#ends = new Int32Array(room);
    this.#starts.set(starts);
    this.#ends.set(ends);
  }
}
