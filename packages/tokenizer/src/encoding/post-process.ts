import type { TokenLimit } from "../pipeline.ts";
import type { PostProcessor, TemplatePiece } from "../post-processor.ts";
import {
  type EncodingColumns,
  type EncodingDraft,
  joinDrafts,
  rowsOutsideText,
  withColumn,
} from "./encoding-columns.ts";
import { type Padding, padDraft, paddedLength } from "./padding.ts";
import { requireStride, type Truncation, truncateDrafts } from "./truncation.ts";

/** Ids around the ids of a text. */
export interface Around {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** What follows the model, in HF's order: cut to a length, trim offsets, put the template around, fill up. */
export class PostProcess {
  readonly #processor: PostProcessor;
  /** The token of an entry of the column of spellings that is an id. */
  readonly #tokenOf: (id: number) => string;
  #truncation: Truncation | undefined;
  padding: Padding | undefined;

  constructor(
    processor: PostProcessor,
    tokenOf: (id: number) => string,
    truncation: Truncation | undefined,
    padding: Padding | undefined,
  ) {
    this.#processor = processor;
    this.#tokenOf = tokenOf;
    this.#truncation = truncation;
    this.padding = padding;
  }

  get truncation(): Truncation | undefined {
    return this.#truncation;
  }

  /** @throws OutOfRangeError when the stride leaves no room for new tokens. */
  setTruncation(truncation: Truncation | undefined): void {
    if (truncation !== undefined) requireStride(truncation.stride ?? 0, truncation.maxLength - this.#added(1) + 1);
    this.#truncation = truncation;
  }

  /** The template of one text as ids around it; undefined when lengths change, or it holds the text not just once. */
  around(addSpecialTokens: boolean): Around | undefined {
    if (this.#truncation !== undefined || this.padding !== undefined) return undefined;
    const pieces = this.#processor.template(false);
    const at = pieces.findIndex((piece) => "sequence" in piece);
    const [before, after] = [pieces.slice(0, at), pieces.slice(at + 1)];
    if (at < 0 || after.some((piece) => "sequence" in piece)) return undefined;
    return addSpecialTokens ? { before: idsOf(before), after: idsOf(after) } : { before: [], after: [] };
  }

  /** How many tokens of a text (0 or 1) are worth encoding; HF's rule. */
  limitOf(sequence: number): TokenLimit | undefined {
    if (this.#truncation === undefined) return undefined;
    const { maxLength, strategy, direction = "Right" } = this.#truncation;
    return strategy === "OnlySecond" && sequence === 0 ? undefined : { maxTokens: maxLength, direction };
  }

  /** One or two texts' tokens as one encoding; spellings that are no ids are looked up in `spellings`, or added. */
  process(sequences: readonly EncodingColumns[], addSpecialTokens: boolean, spellings: string[]): EncodingDraft {
    const whole = sequences.map((columns): EncodingDraft => ({ columns, overflowing: [] }));
    const added = addSpecialTokens ? this.#added(whole.length) : 0;
    const drafts = this.#truncation === undefined ? whole : truncateDrafts(whole, this.#truncation, added);
    for (const draft of drafts) this.#trim(draft, spellings);
    const pieces = this.#processor.template(drafts.length === 2);
    const parts = pieces.flatMap((piece): EncodingDraft[] => {
      if ("sequence" in piece)
        return drafts.slice(piece.sequence, piece.sequence + 1).map((draft) => typed(draft, piece.typeId));
      return addSpecialTokens ? [specialDraft(piece, spellings)] : [];
    });
    return parts.length === 0 ? emptyDraft() : parts.reduce(joinDrafts);
  }

  /** Fill encodings up to one length. */
  pad(drafts: readonly EncodingDraft[], spellings: string[]): EncodingDraft[] {
    const { padding } = this;
    if (padding === undefined) return [...drafts];
    const length = paddedLength(
      drafts.map(({ columns }) => columns.ids.length),
      padding,
    );
    const spelling = -spellings.push(padding.padToken);
    return drafts.map((draft) => padDraft(draft, length, padding, spelling));
  }

  #added(texts: number): number {
    return this.#processor
      .template(texts === 2)
      .reduce((count, piece) => count + ("sequence" in piece ? 0 : piece.ids.length), 0);
  }

  #trim({ columns, overflowing }: EncodingDraft, spellings: readonly string[]): void {
    const spell = (i: number): string => {
      const spelling = columns.spellings[i]!;
      return spelling >= 0 ? this.#tokenOf(spelling) : spellings[-1 - spelling]!;
    };
    this.#processor.trimOffsets(columns.offsets, spell);
    for (const cut of overflowing) this.#trim(cut, spellings);
  }
}

function idsOf(pieces: readonly TemplatePiece[]): number[] {
  return pieces.flatMap((piece) => ("sequence" in piece ? [] : piece.ids));
}

/** HF gives the template's type to the kept part of a text only. */
function typed(draft: EncodingDraft, typeId: number): EncodingDraft {
  return { columns: withColumn(draft.columns, "typeIds", typeId), overflowing: draft.overflowing };
}

function specialDraft(
  piece: { ids: readonly number[]; tokens: readonly string[]; typeId: number },
  spellings: string[],
): EncodingDraft {
  const words = piece.tokens.map((token) => -spellings.push(token));
  const values = { typeIds: piece.typeId, specialTokensMask: 1, attentionMask: 1, wordIds: -1, sequenceIds: -1 };
  return { columns: rowsOutsideText(piece.ids, words, values), overflowing: [] };
}

function emptyDraft(): EncodingDraft {
  const values = { typeIds: 0, specialTokensMask: 0, attentionMask: 1, wordIds: -1, sequenceIds: -1 };
  return { columns: rowsOutsideText([], [], values), overflowing: [] };
}
