import type { EncodingColumns, EncodingDraft } from "./encoding-columns.ts";

/** What offsets count: units of a JavaScript string, code points (as HF's Python binding), or bytes of UTF-8. */
export type OffsetUnit = "utf16" | "codePoint" | "byte";

/**
 * One text, or two, as tokens: HF's Encoding. All arrays have an entry for each token but `offsets`, which has two.
 */
export class Encoding {
  readonly ids: Int32Array;
  /**
   * Start and end by turns: token i covers `text.slice(offsets[2 * i], offsets[2 * i + 1])` of its own text, with the
   * unit "utf16". Tokens that share a character each cover all of it; what a template or padding adds is 0, 0.
   */
  readonly offsets: Int32Array;
  /** Which part of the template a token belongs to; mostly 0 for the first text, 1 for the second. */
  readonly typeIds: Int32Array;
  /** 1 for tokens that a template or padding added; special tokens found in a text have 0, as in HF. */
  readonly specialTokensMask: Int32Array;
  /** 0 for padding, else 1. */
  readonly attentionMask: Int32Array;
  /** Which word of its text (pre-token or added token) a token comes from, counted from 0; -1 for none. */
  readonly wordIds: Int32Array;
  /** 0 for tokens of the first text, 1 of the second, -1 of neither. */
  readonly sequenceIds: Int32Array;
  /** What truncation cut off, in parts of the same length. */
  readonly overflowing: readonly Encoding[];
  readonly #columns: EncodingColumns;
  readonly #spell: (spelling: number) => string;

  /** @internal `spell` gives the token of an entry of the column of spellings. */
  constructor({ columns, overflowing }: EncodingDraft, spell: (spelling: number) => string) {
    this.#columns = columns;
    this.#spell = spell;
    this.ids = columns.ids;
    this.offsets = columns.offsets;
    this.typeIds = columns.typeIds;
    this.specialTokensMask = columns.specialTokensMask;
    this.attentionMask = columns.attentionMask;
    this.wordIds = columns.wordIds;
    this.sequenceIds = columns.sequenceIds;
    this.overflowing = overflowing.map((cut) => new Encoding(cut, spell));
  }

  /** The tokens as the vocabulary spells them; an added token as it stands in the (normalized) text. */
  tokens(): string[] {
    return Array.from(this.#columns.spellings, this.#spell);
  }

  /** Index of the token that covers a position of a text, or undefined: the first one where several share a character. */
  tokenAt(position: number, sequence: 0 | 1 = 0): number | undefined {
    const { offsets, sequenceIds } = this;
    for (let i = 0; i < sequenceIds.length; i++) {
      if (sequenceIds[i] !== sequence) continue;
      if (position >= offsets[2 * i]! && position < offsets[2 * i + 1]!) return i;
    }
    return undefined;
  }
}
