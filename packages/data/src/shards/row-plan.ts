import { packBestFit } from "../packing/pack-best-fit.ts";
import type { LoaderSettings } from "./loader-options.ts";

/** A part of a document in a row. */
export interface RowPiece {
  readonly document: number;
  /** Where in the document it begins. */
  readonly offset: number;
  readonly length: number;
}

/** Which pieces each row is made of. */
export interface RowPlan {
  readonly count: number;
  /** End to end from the row's start; up to T + L tokens, those from T on are targets only. */
  pieces(row: number): readonly RowPiece[];
}

/** Rows of documents of the given lengths, none of them 0. */
export function planRows(lengths: Uint32Array, settings: LoaderSettings): RowPlan {
  return settings.packing === "stream" ? streamRows(lengths, settings) : bestFitRows(lengths, settings);
}

/** Documents end to end: row r has the T tokens from r T on, and L more. The last token is an input only to fill a row. */
function streamRows(lengths: Uint32Array, { sequenceLength: T, lookahead: L }: LoaderSettings): RowPlan {
  const ends = new Float64Array(lengths.length);
  let total = 0;
  for (let d = 0; d < lengths.length; d++) {
    total += lengths[d]!;
    ends[d] = total;
  }
  const pieces = (row: number): RowPiece[] => {
    const end = Math.min(row * T + T + L, total);
    const found: RowPiece[] = [];
    let document = documentAt(ends, row * T);
    for (let at = row * T; at < end; document++) {
      const length = Math.min(end, ends[document]!) - at;
      found.push({ document, offset: at - (ends[document]! - lengths[document]!), length });
      at += length;
    }
    return found;
  };
  return { count: total === 0 ? 0 : Math.max(1, Math.ceil((total - 1) / T)), pieces };
}

/** Bins of best-fit packing; the tokens after a document that was cut at the row's end are targets there. */
function bestFitRows(lengths: Uint32Array, { sequenceLength: T, lookahead: L, long }: LoaderSettings): RowPlan {
  const bins = packBestFit(lengths, T, { long });
  const pieces = (row: number): RowPiece[] => {
    const found: RowPiece[] = [];
    let at = 0;
    for (let p = bins.binStarts[row]!; p < bins.binStarts[row + 1]!; p++) {
      const [document, offset] = [bins.documents[p]!, bins.offsets[p]!];
      at += bins.lengths[p]!;
      const more = at === T ? Math.min(L, lengths[document]! - offset - bins.lengths[p]!) : 0;
      found.push({ document, offset, length: bins.lengths[p]! + more });
    }
    return found;
  };
  return { count: bins.binCount, pieces };
}

/** The first document that ends beyond a position. */
function documentAt(ends: Float64Array, position: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
