/**
 * Whole sequences in rows of one length, several a row: what a model with a document mask trains on after pre-training.
 *
 * Best-fit decreasing: the longest sequence first, each into the row that it leaves the least space in (Ding et al. 2024,
 * arXiv 2404.10830, section 3; there sequences longer than a row are cut, here they are refused).
 */
import { OutOfRangeError } from "@ds3/errors";
import { EmptyDataError } from "./empty-data-error.ts";
import { packBestFit } from "./packing/pack-best-fit.ts";
import { requireInteger } from "./require-integer.ts";

/** Options of `packRows`. */
export interface PackRowsOptions {
  /** Tokens of a row. Default: of the longest sequence. */
  readonly length?: number;
  /** One sequence a row, in their order, for models without a document mask. Default false. */
  readonly separate?: boolean;
  /** Fills what sequences leave of a row. Default 0. */
  readonly padId?: number;
}

/** Sequences in rows; the trainer's token rows, with where each sequence went. */
export interface PackedRows {
  /** [batch x length] token ids. */
  readonly inputs: Int32Array;
  /** [batch x length] position of each token in its sequence; padding counts from 0, too. */
  readonly positions: Int32Array;
  /** [batch x length] number of the sequence within its row, from 0; padding counts as one more. */
  readonly documentIds: Int32Array;
  readonly batch: number;
  readonly length: number;
  /** [sequences] where in `inputs` the first token of each sequence is, in the order they were given. */
  readonly starts: Int32Array;
}

/** Which row and place a sequence has. */
interface Place {
  readonly row: number;
  readonly from: number;
}

/**
 * Put sequences of token ids whole into rows of `length`.
 *
 * The result depends on nothing but the arguments: among sequences of one length the first goes first, among rows with
 * one space the one that came to it last is filled. Cost: one pass over the rows, and `packBestFit`.
 * @throws EmptyDataError for no sequence or one without tokens; OutOfRangeError for a sequence longer than `length`, or
 * a `length` or `padId` that is none.
 */
export function packRows(sequences: readonly Int32Array[], options: PackRowsOptions = {}): PackedRows {
  const length = options.length ?? sequences.reduce((most, { length: own }) => Math.max(most, own), 1);
  const padId = options.padId ?? 0;
  requireInteger("packRows", "length", length, 1, 2 ** 31 - 1);
  requireInteger("packRows", "padId", padId, 0, 2 ** 31 - 1);
  requireSequences(sequences, length);
  const places = options.separate ? sequences.map((_, row) => ({ row, from: 0 })) : bestFit(sequences, length);
  return writeRows(sequences, places, length, padId);
}

/** A place for each sequence, by best-fit decreasing. */
function bestFit(sequences: readonly Int32Array[], length: number): Place[] {
  const sizes = sequences.map((sequence) => sequence.length);
  const { binCount, binStarts, documents, lengths } = packBestFit(sizes, length);
  const places: Place[] = new Array(sequences.length);
  for (let row = 0; row < binCount; row++) {
    for (let p = binStarts[row]!, from = 0; p < binStarts[row + 1]!; from += lengths[p++]!) {
      places[documents[p]!] = { row, from };
    }
  }
  return places;
}

function writeRows(
  sequences: readonly Int32Array[],
  places: readonly Place[],
  length: number,
  padId: number,
): PackedRows {
  const batch = 1 + places.reduce((last, { row }) => Math.max(last, row), 0);
  const inputs = new Int32Array(batch * length).fill(padId);
  const starts = Int32Array.from(places, ({ row, from }) => row * length + from);
  const isStart = new Uint8Array(batch * length);
  sequences.forEach((sequence, index) => {
    inputs.set(sequence, starts[index]!);
    isStart[starts[index]!] = 1;
    const end = starts[index]! + sequence.length;
    if (end % length !== 0) isStart[end] = 1; // of the next sequence, or of the padding
  });
  return { inputs, ...numberSegments(isStart, length), batch, length, starts };
}

/** Positions and document ids of rows whose segments begin where `isStart` is 1. */
function numberSegments(isStart: Uint8Array, length: number): Pick<PackedRows, "positions" | "documentIds"> {
  const positions = new Int32Array(isStart.length);
  const documentIds = new Int32Array(isStart.length);
  for (let row = 0; row < isStart.length; row += length) {
    for (let i = row + 1; i < row + length; i++) {
      const isNew = isStart[i]!;
      positions[i] = isNew ? 0 : positions[i - 1]! + 1;
      documentIds[i] = documentIds[i - 1]! + isNew;
    }
  }
  return { positions, documentIds };
}

function requireSequences(sequences: readonly Int32Array[], length: number): void {
  if (sequences.length === 0) throw noTokens("sequences", "at least one sequence", "none");
  sequences.forEach((sequence, index) => {
    const operand = `sequences[${index}]`;
    if (sequence.length === 0) throw noTokens(operand, "at least one token", "none");
    if (sequence.length <= length) return;
    const hint = "Cut it or leave it out before packing, or give a larger length.";
    const actual = `${sequence.length}`;
    throw new OutOfRangeError({ op: "packRows", operand, expected: `at most ${length} tokens`, actual, hint });
  });
}

function noTokens(operand: string, expected: string, actual: string): EmptyDataError {
  return new EmptyDataError({ op: "packRows", operand, expected, actual });
}
