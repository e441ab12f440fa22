import { createEpochOrder, EmptyDataError, packRows } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import type { Tensor } from "@ds3/tensor";
import type { BatchSource, LanguageModel, TokenRows, TrainableModel } from "@ds3/trainer";
import { bradleyTerryLoss } from "./bradley-terry-loss.ts";
import { join } from "./pack-completions.ts";

/** A language model with a scalar head, as a reward model is. */
export interface ScoreModel extends LanguageModel {
  /**
   * Scores [R] f32 at the inputs at `rows` (indices into batch x length, rising). Encodes, does not wait; differentiable while
   * a tape is open. `training`: the pass belongs to an optimiser step.
   */
  scores(tokens: TokenRows, rows: Int32Array, training: boolean): Tensor;
}

/** A prompt with a better and a worse completion, as token ids. */
export interface PreferencePair {
  readonly prompt: Int32Array;
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
}

/** Sequences as a score model takes them. */
export interface ScoreRows {
  readonly tokens: TokenRows;
  /** [S] the place of each sequence's last token, rising. */
  readonly rows: Int32Array;
  /** [S] which of the given sequences each of them is. */
  readonly order: readonly number[];
}

/** Preference pairs as `bradleyTerryModel` takes them. */
export interface PreferenceRows extends Omit<ScoreRows, "order"> {
  /** [P x 2] where in `rows` each pair's chosen and rejected completion ends. */
  readonly pairs: Uint32Array;
  /** Tokens that are not padding. */
  readonly tokenCount: number;
}

/** Options of `createPreferenceRows`. */
export interface PreferenceRowsOptions {
  readonly pairsPerBatch: number;
  /** The score model's `packs`. Default false: each sequence has a row of its own. */
  readonly packs?: boolean;
  /** Gives the order of the pairs, another one in each epoch. Default 0. */
  readonly seed?: number;
}

/** Lays whole sequences out in rows. @throws EmptyDataError for one without tokens. */
export function packForScores(sequences: readonly Int32Array[], packs: boolean): ScoreRows {
  const { starts, ...tokens } = packRows(sequences, { separate: !packs });
  const order = [...sequences.keys()].sort((a, b) => starts[a]! - starts[b]!);
  return { tokens, rows: Int32Array.from(order, (i) => starts[i]! + sequences[i]!.length - 1), order };
}

/**
 * The score model as `train` takes it, with Bradley-Terry's loss on the score of each completion's last token. Terms that are
 * logged: `accuracy` (share of pairs in the right order) and `margin` (mean of chosen - rejected).
 */
export function bradleyTerryModel(model: ScoreModel): TrainableModel<PreferenceRows> {
  const { gpu, arena } = model;
  return {
    gpu,
    arena,
    loss({ tokens, rows, pairs }) {
      const { loss, accuracy, margin } = bradleyTerryLoss(model.scores(tokens, rows, true), pairs);
      return { total: loss, terms: { accuracy, margin } };
    },
    afterStep: () => model.afterStep?.(),
    expertLoads: () => model.expertLoads?.(),
    save: () => model.save(),
    load: (files) => model.load(files),
  };
}

/**
 * Preference pairs as batches for `bradleyTerryModel`: every epoch in an order of its own, batches never across epochs.
 *
 * @throws EmptyDataError without pairs, or for a pair whose prompt with a completion has no tokens; OutOfRangeError for
 * `pairsPerBatch`.
 */
export function createPreferenceRows(
  pairs: readonly PreferencePair[],
  { pairsPerBatch, packs = false, seed = 0 }: PreferenceRowsOptions,
): BatchSource<PreferenceRows> {
  checkPairs(pairs, pairsPerBatch);
  const order = createEpochOrder(pairs.length, { seed });
  return {
    tokensPerBatch: ({ tokenCount }) => tokenCount,
    weightOf: ({ pairs: { length } }) => length / 2,
    next() {
      const left = pairs.length - order.cursor().index;
      const chosen = Array.from({ length: Math.min(pairsPerBatch, left) }, () => pairs[order.next()]!);
      return preferenceRows(chosen, packs);
    },
    cursor: order.cursor,
    seek: order.seek,
  };
}

function preferenceRows(pairs: readonly PreferencePair[], packs: boolean): PreferenceRows {
  const sequences = pairs.flatMap(({ prompt, chosen, rejected }) => [join(prompt, chosen), join(prompt, rejected)]);
  const { order, ...rest } = packForScores(sequences, packs);
  const places = new Uint32Array(sequences.length);
  for (const [n, i] of order.entries()) places[i] = n;
  return { ...rest, pairs: places, tokenCount: sequences.reduce((sum, { length }) => sum + length, 0) };
}

function checkPairs(pairs: readonly PreferencePair[], pairsPerBatch: number): void {
  const op = "createPreferenceRows";
  if (!(Number.isSafeInteger(pairsPerBatch) && pairsPerBatch >= 1)) {
    const expected = "an integer >= 1";
    throw new OutOfRangeError({ op, operand: "pairsPerBatch", expected, actual: `${pairsPerBatch}` });
  }
  if (pairs.length === 0) throw new EmptyDataError({ op, operand: "pairs", expected: "at least one", actual: "none" });
  for (const [i, { prompt, chosen, rejected }] of pairs.entries()) {
    if (prompt.length + Math.min(chosen.length, rejected.length) > 0) continue;
    throw new EmptyDataError({ op, operand: `pairs[${i}]`, expected: "at least one token", actual: "none" });
  }
}
