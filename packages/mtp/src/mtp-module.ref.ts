import { linearBackwardRef, linearRef, rmsNormBackwardRef, rmsNormRef } from "@ds3/tensor/reference";
import type { MtpConfig } from "./types.ts";

/** Weights of one depth, beside its transformer block; names as in a checkpoint, in camelCase. */
export interface MtpModuleRefWeights {
  /** [D] */
  readonly enorm: Float64Array;
  /** [D] */
  readonly hnorm: Float64Array;
  /** [D, 2 D]: the first D columns take the embedding. */
  readonly ehProj: Float64Array;
  /** shared_head.norm, [D] */
  readonly sharedHeadNorm: Float64Array;
}

/** Rows of a call: batch sequences of `length` rows each. */
export interface MtpRefRows {
  readonly batch: number;
  readonly length: number;
}

/**
 * A transformer block as a function: x [batch, length, D] to its output and a backward pass, which returns the gradient
 * of x and keeps those of the block's own weights for their owner.
 */
export type BlockRef = (
  x: Float64Array,
  rows: MtpRefRows,
) => { readonly out: Float64Array; readonly backward: (gradOut: Float64Array) => Float64Array };

/** Result of {@link mtpModuleRef}. */
export interface MtpModuleRefResult {
  /** The block's output h^k, [B, L, D]. */
  readonly hidden: Float64Array;
  /** norm(h^k), what the shared head reads. */
  readonly normed: Float64Array;
  /** Gradients, given those of `hidden` (direct uses) and of `normed`. */
  readonly backward: (grads: { readonly hidden?: Float64Array; readonly normed: Float64Array }) => {
    readonly hidden: Float64Array;
    readonly embedding: Float64Array;
    readonly weights: MtpModuleRefWeights;
  };
}

/**
 * One multi-token prediction module, f64 (report, Eq. 21-22): h^k = block(M [norm(Emb); norm(h^(k-1))]).
 *
 * hidden and embedding [B, L, D]: row i holds h^(k-1)_i and the embedding of token i + k.
 * Differs from the paper: Eq. 21 writes the hidden state first; the released eh_proj takes the embedding first.
 */
export function mtpModuleRef(
  { hiddenSize: D, rmsNormEps: eps }: Pick<MtpConfig, "hiddenSize" | "rmsNormEps">,
  weights: MtpModuleRefWeights,
  block: BlockRef,
  inputs: MtpRefRows & { readonly hidden: Float64Array; readonly embedding: Float64Array },
): MtpModuleRefResult {
  const { hidden, embedding, ...rows } = inputs;
  const e = rmsNormRef(embedding, weights.enorm, eps);
  const h = rmsNormRef(hidden, weights.hnorm, eps);
  const joined = new Float64Array(2 * e.length);
  for (let i = 0; i < e.length; i++) {
    const at = 2 * i - (i % D);
    joined[at] = e[i];
    joined[at + D] = h[i];
  }
  const { out, backward: blockBackward } = block(linearRef(joined, weights.ehProj, 2 * D), rows);
  const backward: MtpModuleRefResult["backward"] = (grads) => {
    const head = rmsNormBackwardRef(grads.normed, out, weights.sharedHeadNorm, eps);
    const gradOut = head.x.map((value, i) => value + (grads.hidden?.[i] ?? 0));
    const projection = linearBackwardRef(blockBackward(gradOut), joined, weights.ehProj, 2 * D);
    const half = (offset: number) => e.map((_, i) => projection.x[2 * i - (i % D) + offset]);
    const enorm = rmsNormBackwardRef(half(0), embedding, weights.enorm, eps);
    const hnorm = rmsNormBackwardRef(half(D), hidden, weights.hnorm, eps);
    const own = { enorm: enorm.weight, hnorm: hnorm.weight, ehProj: projection.weight, sharedHeadNorm: head.weight };
    return { hidden: hnorm.x, embedding: enorm.x, weights: own };
  };
  return { hidden: out, normed: rmsNormRef(out, weights.sharedHeadNorm, eps), backward };
}
