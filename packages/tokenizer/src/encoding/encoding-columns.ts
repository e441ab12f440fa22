/**
 * The table that an encoding is: a row for each token, one Int32Array for each column. Cutting, joining and padding are
 * the same for every column, so they are written once, here.
 */

/** Columns of one number for each token. */
export interface EncodingColumns {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  /** 1 for tokens that a template or padding added. */
  readonly specialTokensMask: Int32Array;
  /** 0 for padding. */
  readonly attentionMask: Int32Array;
  /** Index of the piece of the text (a pre-token, or an added token) that the token comes from; -1 for none. */
  readonly wordIds: Int32Array;
  /** 0 for the first text, 1 for the second; -1 for none. */
  readonly sequenceIds: Int32Array;
  /** How the token is spelled: an id, or -1 - i for entry i of a list of spellings. */
  readonly spellings: Int32Array;
  /** Start and end by turns, 2 for each token. */
  readonly offsets: Int32Array;
}

/** An encoding under work: the rows that are kept, and those that truncation cut off. */
export interface EncodingDraft {
  readonly columns: EncodingColumns;
  readonly overflowing: readonly EncodingDraft[];
}

/** Values of a column for rows that come from no text. */
export type ColumnValues = Readonly<Record<Exclude<keyof EncodingColumns, "ids" | "offsets" | "spellings">, number>>;

const WIDTHS: Readonly<Record<keyof EncodingColumns, number>> = {
  ids: 1,
  typeIds: 1,
  specialTokensMask: 1,
  attentionMask: 1,
  wordIds: 1,
  sequenceIds: 1,
  spellings: 1,
  offsets: 2,
};

/** Rows `[from, to)`, copied. */
export function sliceColumns(columns: EncodingColumns, from: number, to: number): EncodingColumns {
  return mapColumns((name, width) => columns[name].slice(from * width, to * width));
}

/** The rows of one table after those of another. */
export function joinColumns(first: EncodingColumns, second: EncodingColumns): EncodingColumns {
  return mapColumns((name) => {
    const joined = new Int32Array(first[name].length + second[name].length);
    joined.set(first[name]);
    joined.set(second[name], first[name].length);
    return joined;
  });
}

/** Rows for tokens that are not in the text: offsets 0, the same values in every row. */
export function rowsOutsideText(
  ids: readonly number[],
  spellings: readonly number[],
  values: ColumnValues,
): EncodingColumns {
  return mapColumns((name, width) => {
    if (name === "ids") return Int32Array.from(ids);
    if (name === "spellings") return Int32Array.from(spellings);
    if (name === "offsets") return new Int32Array(ids.length * width);
    return new Int32Array(ids.length).fill(values[name]);
  });
}

/** The same rows with another type id, or another sequence id, in each. */
export function withColumn(columns: EncodingColumns, name: "typeIds" | "sequenceIds", value: number): EncodingColumns {
  return { ...columns, [name]: new Int32Array(columns.ids.length).fill(value) };
}

function mapColumns(column: (name: keyof EncodingColumns, width: number) => Int32Array): EncodingColumns {
  const entries = Object.entries(WIDTHS) as [keyof EncodingColumns, number][];
  return Object.fromEntries(entries.map(([name, width]) => [name, column(name, width)])) as unknown as EncodingColumns;
}

/**
 * One draft after another, as HF's Encoding::merge_with: whatever was cut off of one is combined with all that there is
 * of the other.
 */
export function joinDrafts(first: EncodingDraft, second: EncodingDraft): EncodingDraft {
  const overflowing = first.overflowing.flatMap((cut) => [
    joinDrafts(cut, second),
    ...second.overflowing.map((other) => joinDrafts(cut, other)),
  ]);
  for (const cut of second.overflowing) overflowing.push(joinDrafts(first, cut));
  return { columns: joinColumns(first.columns, second.columns), overflowing };
}
