import { OutOfRangeError, StateError } from "@ds3/errors";
import { asCount } from "../json-fields.ts";
import { asObject, describe, type Json, type JsonObject } from "../json-reader.ts";
import { oneOf } from "../section-reader.ts";
import { type EncodingDraft, sliceColumns } from "./encoding-columns.ts";

/** How texts are cut to a length; the `truncation` section of tokenizer.json. */
export interface Truncation {
  /** Tokens that are left at most, those that a template adds included. */
  readonly maxLength: number;
  /** Tokens that one part repeats of the part before. Default 0. */
  readonly stride?: number | undefined;
  /** Which of two texts is cut. Default "LongestFirst". */
  readonly strategy?: "LongestFirst" | "OnlyFirst" | "OnlySecond" | undefined;
  /** The side on which tokens are cut off. Default "Right". */
  readonly direction?: "Left" | "Right" | undefined;
}

export const STRATEGIES = ["LongestFirst", "OnlyFirst", "OnlySecond"] as const;
export const DIRECTIONS = ["Left", "Right"] as const;

/** Read the section. @throws FormatError naming the key at fault. */
export function parseTruncation(json: Json | undefined): Truncation | undefined {
  if (json === undefined || json === null) return undefined;
  const section = asObject(json, "truncation");
  const { direction = "Right" } = section;
  return {
    maxLength: asCount(section.max_length, "truncation.max_length"),
    stride: asCount(section.stride, "truncation.stride"),
    strategy: oneOf(section.strategy, STRATEGIES, "truncation.strategy"),
    direction: oneOf(direction, DIRECTIONS, "truncation.direction"),
  };
}

/** The section as HF writes it. */
export function truncationJson(truncation: Truncation | undefined): JsonObject | null {
  if (truncation === undefined) return null;
  const { direction = "Right", maxLength, strategy = "LongestFirst", stride = 0 } = truncation;
  return { direction, max_length: maxLength, strategy, stride };
}

/**
 * Cut one or two encodings to `truncation.maxLength` tokens together, of which `added` are for the template.
 *
 * Follows HF's truncate_encodings, whose longest-first leaves both texts half when neither fits.
 * @throws OutOfRangeError when the length cannot be reached; StateError when the text to cut is not there.
 */
export function truncateDrafts(
  drafts: readonly EncodingDraft[],
  truncation: Truncation,
  added: number,
): EncodingDraft[] {
  const { maxLength: total, strategy = "LongestFirst" } = truncation;
  const maxLength = total - added;
  if (maxLength < 0) throw tooShort(`at least the template's ${added} tokens`, String(total));
  const lengths = drafts.map(({ columns }) => columns.ids.length);
  const excess = lengths.reduce((sum, length) => sum + length, 0) - maxLength;
  if (maxLength > 0 && excess <= 0) return [...drafts];
  if (maxLength === 0) return drafts.map((draft) => truncateDraft(draft, 0, truncation));
  if (strategy === "LongestFirst") {
    const targets = lengths.length === 1 ? [maxLength] : longestFirst(lengths[0]!, lengths[1]!, maxLength);
    return drafts.map((draft, i) => truncateDraft(draft, targets[i]!, truncation));
  }
  const target = strategy === "OnlyFirst" ? 0 : 1;
  if (lengths[target] === undefined) throw noSecondText();
  const left = lengths[target] - excess;
  if (left <= 0) throw tooShort(`a text ${strategy} of more than ${excess} tokens`, String(lengths[target]));
  return drafts.map((draft, i) => (i === target ? truncateDraft(draft, left, truncation) : draft));
}

function longestFirst(first: number, second: number, maxLength: number): readonly [number, number] {
  const isSwapped = first > second;
  let short = Math.min(first, second);
  let long = short > maxLength ? short : Math.max(short, maxLength - short);
  if (short + long > maxLength) {
    short = Math.floor(maxLength / 2);
    long = short + (maxLength % 2);
  }
  return isSwapped ? [long, short] : [short, long];
}

/** Cut one encoding; what is cut off follows in parts of the same length. */
function truncateDraft(draft: EncodingDraft, maxLength: number, truncation: Truncation): EncodingDraft {
  const { columns } = draft;
  const length = columns.ids.length;
  if (maxLength >= length) return draft;
  if (maxLength === 0) return { columns: sliceColumns(columns, 0, 0), overflowing: [draft] };
  const { stride = 0, direction = "Right" } = truncation;
  requireStride(stride, maxLength);
  const parts: EncodingDraft[] = [];
  for (let done = 0; ; done += maxLength - stride) {
    const [from, to] =
      direction === "Right"
        ? [done, Math.min(done + maxLength, length)]
        : [Math.max(0, length - done - maxLength), length - done];
    parts.push({ columns: sliceColumns(columns, from, to), overflowing: [] });
    if (direction === "Right" ? to === length : from === 0) break;
  }
  return { columns: parts[0]!.columns, overflowing: parts.slice(1) };
}

/** @throws OutOfRangeError when parts of `maxLength` tokens would not get on. */
export function requireStride(stride: number, maxLength: number): void {
  if (stride < maxLength) return;
  const expected = `less than the ${maxLength} tokens that the template leaves`;
  throw new OutOfRangeError({ op: "truncate", operand: "stride", expected, actual: describe(stride) });
}

function tooShort(expected: string, actual: string): OutOfRangeError {
  return new OutOfRangeError({ op: "truncate", operand: "maxLength", expected, actual });
}

function noSecondText(): StateError {
  return new StateError({
    op: "truncate",
    operand: "pair",
    expected: "a second text, as the strategy OnlySecond cuts that one",
    actual: "one text",
  });
}
