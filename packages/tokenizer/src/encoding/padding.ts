import { asCount, asVariant } from "../json-fields.ts";
import { asId, asObject, asString, type Json, type JsonObject } from "../json-reader.ts";
import { oneOf } from "../section-reader.ts";
import { type EncodingColumns, type EncodingDraft, joinColumns, rowsOutsideText } from "./encoding-columns.ts";
import { DIRECTIONS } from "./truncation.ts";

/** How encodings are filled up to a length; the `padding` section of tokenizer.json. */
export interface Padding {
  /** Length to fill up to; absent: the longest encoding of the batch. */
  readonly length?: number | undefined;
  readonly direction?: "Left" | "Right" | undefined;
  /** The length is rounded up to a multiple of this. */
  readonly padToMultipleOf?: number | undefined;
  readonly padId: number;
  /** Default 0. */
  readonly padTypeId?: number | undefined;
  readonly padToken: string;
}

/** Read the section. @throws FormatError naming the key at fault. */
export function parsePadding(json: Json | undefined): Padding | undefined {
  if (json === undefined || json === null) return undefined;
  const section = asObject(json, "padding");
  const multiple = section.pad_to_multiple_of ?? null;
  return {
    length: lengthOf(section.strategy),
    direction: oneOf(section.direction, DIRECTIONS, "padding.direction"),
    padToMultipleOf: multiple === null ? undefined : asCount(multiple, "padding.pad_to_multiple_of"),
    padId: asId(section.pad_id, "padding.pad_id"),
    padTypeId: asCount(section.pad_type_id, "padding.pad_type_id"),
    padToken: asString(section.pad_token, "padding.pad_token"),
  };
}

function lengthOf(strategy: Json | undefined): number | undefined {
  if (strategy === "BatchLongest") return undefined;
  return asCount(asVariant(strategy, "padding.strategy", ["Fixed"]).value, "padding.strategy.Fixed");
}

/** The section as HF writes it. */
export function paddingJson(padding: Padding | undefined): JsonObject | null {
  if (padding === undefined) return null;
  return {
    strategy: padding.length === undefined ? "BatchLongest" : { Fixed: padding.length },
    direction: padding.direction ?? "Right",
    pad_to_multiple_of: padding.padToMultipleOf ?? null,
    pad_id: padding.padId,
    pad_type_id: padding.padTypeId ?? 0,
    pad_token: padding.padToken,
  };
}

/** The length that encodings of these lengths are filled up to. */
export function paddedLength(lengths: readonly number[], { length, padToMultipleOf = 0 }: Padding): number {
  const target = length ?? lengths.reduce((longest, one) => Math.max(longest, one), 0);
  return padToMultipleOf > 0 ? Math.ceil(target / padToMultipleOf) * padToMultipleOf : target;
}

/** Fill an encoding, and what was cut off of it, up to `length` tokens; `spelling` stands for the padding's token. */
export function padDraft(draft: EncodingDraft, length: number, padding: Padding, spelling: number): EncodingDraft {
  const overflowing = draft.overflowing.map((cut) => padDraft(cut, length, padding, spelling));
  const missing = length - draft.columns.ids.length;
  if (missing <= 0) return { columns: draft.columns, overflowing };
  const rows = paddingRows(missing, padding, spelling);
  const isLeft = padding.direction === "Left";
  return { columns: isLeft ? joinColumns(rows, draft.columns) : joinColumns(draft.columns, rows), overflowing };
}

function paddingRows(count: number, { padId, padTypeId = 0 }: Padding, spelling: number): EncodingColumns {
  const repeated = (value: number): number[] => new Array<number>(count).fill(value);
  const values = { typeIds: padTypeId, specialTokensMask: 1, attentionMask: 0, wordIds: -1, sequenceIds: -1 };
  return rowsOutsideText(repeated(padId), repeated(spelling), values);
}
