import { concatColumns, dims, matmul, type ParameterSpec, rmsNorm, type Tensor } from "@ds3/tensor";
import type { MtpConfig } from "./types.ts";

/**
 * A linear layer without bias: x [T, in], weight [out, in] -> [T, out]; `site` is the weight's name. Injected to change the
 * precision.
 */
export type Linear = (x: Tensor, weight: Tensor, site: "ehProj") => Tensor;

/** Rows of a call: `batch` sequences of `length` rows each. */
export interface MtpRows {
  readonly batch: number;
  readonly length: number;
}

/** A transformer block: x [batch x length, D] to its output, residuals included. */
export type Block = (x: Tensor, rows: MtpRows) => Tensor;

/** Weights of one depth, beside its block. */
export interface MtpModuleParameters {
  /** [D] */
  readonly enorm: Tensor;
  /** [D] */
  readonly hnorm: Tensor;
  /** eh_proj [D, 2 D]: the first D columns take the embedding. */
  readonly ehProj: Tensor;
  /** shared_head.norm [D] */
  readonly sharedHeadNorm: Tensor;
}

/** Names and shapes of one depth's own parameters, for an arena. */
export function mtpParameterSpecs(hiddenSize: number, prefix: string): ParameterSpec[] {
  const norm = (name: string): ParameterSpec => ({ name: prefix + name, shape: [hiddenSize], decay: false });
  const ehProj = { name: `${prefix}ehProj`, shape: [hiddenSize, 2 * hiddenSize], decay: true };
  return [norm("enorm"), norm("hnorm"), ehProj, norm("sharedHeadNorm")];
}

/** A depth's parameters out of an arena, by the names of `mtpParameterSpecs`. */
export function mtpParameters(get: (name: string) => Tensor, prefix: string): MtpModuleParameters {
  return {
    enorm: get(`${prefix}enorm`),
    hnorm: get(`${prefix}hnorm`),
    ehProj: get(`${prefix}ehProj`),
    sharedHeadNorm: get(`${prefix}sharedHeadNorm`),
  };
}

/** Output of a depth. */
export interface MtpModuleOutput {
  /** The block's output h^k [R, D]. */
  readonly hidden: Tensor;
  /** norm(h^k) [R, D], what the shared head reads. */
  readonly normed: Tensor;
}

/**
 * One multi-token prediction module: h^k = block(M [norm(Emb); norm(h^(k-1))]) (report, Eq. 21 and 22).
 *
 * hidden and embedded [R, D], R = batch x length: row i holds h^(k-1)_i and the embedding of token i + k. Differentiable.
 * Differs from the paper: Eq. 21 writes the hidden state first; the released eh_proj takes the embedding first.
 * @throws ShapeError when the rows of both inputs differ.
 */
export function mtpModule(
  inputs: MtpRows & { readonly hidden: Tensor; readonly embedded: Tensor },
  parameters: MtpModuleParameters,
  block: Block,
  { rmsNormEps: eps }: Pick<MtpConfig, "rmsNormEps">,
  linear: Linear = (x, weight) => matmul(x, weight, { layout: "nt" }),
): MtpModuleOutput {
  const { hidden, embedded, batch, length } = inputs;
  dims("mtpModule", { hidden: "R D", embedded: "R D" }, { hidden, embedded });
  const joined = concatColumns([
    rmsNorm(embedded, parameters.enorm, { eps }),
    rmsNorm(hidden, parameters.hnorm, { eps }),
  ]);
  const out = block(linear(joined, parameters.ehProj, "ehProj"), { batch, length });
  return { hidden: out, normed: rmsNorm(out, parameters.sharedHeadNorm, { eps }) };
}
