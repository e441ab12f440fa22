import type { Tensor } from "@ds3/tensor";
import type { TrainableModel } from "./types.ts";

/** `batch` rows of `length` token ids, as a language model takes them. */
export interface TokenRows {
  /** [batch x length] */
  readonly inputs: Int32Array;
  readonly batch: number;
  readonly length: number;
  /** [batch x length] position of each token; absent: 0, 1, ... in each row. */
  readonly positions?: Int32Array;
  /** [batch x length] sequence of each token within its row; tokens attend within their own only. Absent: a row is one. */
  readonly documentIds?: Int32Array;
}

/** What every model that is trained after pre-training has beside its outputs. */
export interface LanguageModel extends Omit<TrainableModel<never>, "loss"> {
  /**
   * True when it honours `positions` and `documentIds`: then several sequences share a row. Default false: each sequence
   * has a row of its own, padded at its end, which a causal model does not see.
   */
  readonly packs?: boolean;
}

/**
 * A causal language model as alignment sees it: token ids to logits, over parameters in an arena. Nothing else is asked,
 * so that any model can be aligned.
 */
export interface Policy extends LanguageModel {
  /**
   * Logits [R, V] f32 of the token that follows each of the inputs at `rows` (indices into batch x length, rising).
   * Encodes, does not wait; differentiable while a tape is open. The result is the caller's: backward of a loss may
   * overwrite it.
   * `training`: the pass belongs to an optimiser step, e.g. expert loads are counted.
   */
  logits(tokens: TokenRows, rows: Int32Array, training: boolean): Tensor;
}
