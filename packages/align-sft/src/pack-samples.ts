import { EmptyDataError, type PackedRows, packRows } from "@ds3/data";
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { IGNORED_TARGET } from "@ds3/tensor";
import type { SftSample } from "./encode-chats.ts";

/** How samples become rows. */
export interface PackSamplesOptions {
  /** Inputs of a row; a sample with one token more still fits. Default: as many as the longest sample needs. */
  readonly length?: number;
  /** One sample a row, for models without a document mask. Default false. */
  readonly separate?: boolean;
  /** Fills what samples leave of a row; never learned. Default 0. */
  readonly padId?: number;
}

/** Samples in rows, with what each place has to predict. */
export interface SftRows extends PackedRows {
  /** [batch x length] the token after each input where an assistant of the same sample writes it, else -100. */
  readonly targets: Int32Array;
  /** Samples that are in the rows; the others have no target. */
  readonly samples: number;
  /** [batch] places of each row that hold a token of a sample; the others are padding. */
  readonly usedByRow: Int32Array;
}

/** Where a sample is learned. */
interface LearnedSample {
  /** All tokens that predict a target or stand before one that does. */
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Packs samples whole into rows, by `packRows`. Of each one only what a target depends on is kept: its last target is no
 * input, nor is what follows it. Samples without a target are left out.
 *
 * @throws EmptyDataError when no sample has a target; OutOfRangeError naming a sample that is too long; ShapeError for a
 * mask of another length than its ids.
 */
export function packSamples(samples: readonly SftSample[], options: PackSamplesOptions = {}): SftRows {
  const learned = samples
    .map((sample, i) => learnedPart(sample, i, options.length))
    .filter((part) => part !== undefined);
  if (learned.length === 0) throw nothingCounts(samples.length);
  const rows = packRows(
    learned.map(({ inputs }) => inputs),
    options,
  );
  const targets = new Int32Array(rows.inputs.length).fill(IGNORED_TARGET);
  const usedByRow = new Int32Array(rows.batch);
  learned.forEach((part, i) => {
    const start = rows.starts[i]!;
    targets.set(part.targets, start);
    usedByRow[Math.floor(start / rows.length)]! += part.inputs.length;
  });
  return { ...rows, targets, samples: learned.length, usedByRow };
}

function learnedPart({ ids, assistantMask }: SftSample, index: number, length?: number): LearnedSample | undefined {
  requireMask(ids, assistantMask, index);
  const last = assistantMask.lastIndexOf(1);
  if (last < 1) return undefined;
  requireFit(last, index, length);
  const targets = ids.slice(1, last + 1);
  for (let i = 0; i < targets.length; i++) if (assistantMask[i + 1] !== 1) targets[i] = IGNORED_TARGET;
  return { inputs: ids.subarray(0, last), targets };
}

function requireMask(ids: Int32Array, mask: Uint8Array, index: number): void {
  if (mask.length === ids.length) return;
  const operand = `samples[${index}].assistantMask`;
  const [expected, actual] = [`${ids.length} entries, one for each id`, `${mask.length}`];
  throw new ShapeError({ op: "packSamples", operand, expected, actual });
}

function requireFit(needed: number, index: number, length = Number.POSITIVE_INFINITY): void {
  if (needed <= length) return;
  throw new OutOfRangeError({
    op: "packSamples",
    operand: `samples[${index}]`,
    expected: `at most ${length} tokens before the last that is learned`,
    actual: `${needed}`,
    hint: "Give encodeChats a maxLength, or rows a larger length.",
  });
}

function nothingCounts(count: number): EmptyDataError {
  return new EmptyDataError({
    op: "packSamples",
    operand: "samples",
    expected: "at least one token that an assistant writes after another token",
    actual: `none in ${count} samples`,
    hint: "Look at what encodeChats dropped, and why.",
  });
}
