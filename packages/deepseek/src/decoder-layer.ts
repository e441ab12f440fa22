import {
  type CacheRows,
  canMlaDecodeStep,
  type DecodeStep,
  type LatentCache,
  type MlaParameters,
  type MlaTokens,
  mla,
  mlaDecode,
  mlaDecodeStep,
  mlaParameters,
} from "@ds3/mla";
import {
  canMoeDecodeStep,
  createMoe,
  type MlpParameters,
  type Moe,
  type MoeResult,
  mlp,
  mlpDecodeStep,
  moeDecodeStep,
} from "@ds3/moe";
import {
  add,
  addRmsNorm,
  checkpoint,
  type Gpu,
  type RotaryAngles,
  type RowNorm,
  rmsNorm,
  type Tensor,
} from "@ds3/tensor";
import type { DeepseekConfig } from "./config.ts";
import { isDense } from "./model-parameters.ts";
import { type Linears, linearNames } from "./precision.ts";

/** What can be exchanged in the layers without touching them. */
export interface LayerOptions extends Linears {
  /** alpha of the sequence-wise balance loss. */
  readonly balanceLossWeight: number;
  readonly balanceTopk: "literal" | "selected";
  /** "block": in training, of what `block` computes its inputs alone are kept; backward runs it again. Default "none". */
  readonly checkpoint?: "none" | "block";
}

/** Output of a decoder layer: the residual stream [T, D], and what its experts did. */
export interface DecoderLayerOutput {
  readonly hidden: Tensor;
  /** Absent in dense layers. */
  readonly experts?: MoeResult;
  /** What a cache keeps of each token. */
  readonly latent: Tensor;
  readonly ropeKey: Tensor;
}

/** What a model goes on with after a layer. */
export interface BlockOutput {
  /** The residual stream [T, D]. */
  readonly hidden: Tensor;
  /** Of the experts, in training: scalar [], to be added to the loss. */
  readonly balanceLoss?: Tensor;
}

/** One transformer block: x + MLA(norm x), then + feed-forward(norm x). */
export interface DecoderLayer {
  /** Absent in dense layers. */
  readonly moe?: Moe;
  /** The layer with all that it computed on the way. */
  forward(x: Tensor, tokens: MlaTokens, training: boolean): DecoderLayerOutput;
  /** The layer with its results alone, checkpointed where the options say so. */
  block(x: Tensor, tokens: MlaTokens, training: boolean): BlockOutput;
  /** One new token a sequence, x [A, D], behind those in its row of the cache, which takes it in. */
  decode(x: Tensor, rotation: RotaryAngles, cache: LatentCache, rows: CacheRows): Tensor;
  /**
   * The same in few dispatches, faster for few sequences. Absent where the sizes do not allow it, and with linear layers
   * other than the default.
   */
  decodeStep?(x: Tensor, cache: LatentCache, step: DecodeStep): Tensor;
}

/** What a layer is made of: experts, or a dense network. */
interface LayerParts {
  readonly attention: MlaParameters;
  readonly inputNorm: Tensor;
  readonly postAttentionNorm: Tensor;
  readonly moe: Moe | undefined;
  readonly dense: MlpParameters | undefined;
}

/** Tensors by the names of `modelParameterSpecs` and of the layers' state. */
export type TensorLookup = (name: string) => Tensor;

/** Builds layer `layer` of a model on its parameters; multi-token prediction layers follow the main ones. */
export function createDecoderLayer(
  gpu: Gpu,
  config: DeepseekConfig,
  layer: number,
  get: TensorLookup,
  options: LayerOptions,
): DecoderLayer {
  const prefix = `layers.${layer}.`;
  const eps = { eps: config.rmsNormEps };
  const attention = mlaParameters(config, get, `${prefix}attention.`);
  const inputNorm = get(`${prefix}inputNorm`);
  const postAttentionNorm = get(`${prefix}postAttentionNorm`);
  const moe = isDense(config, layer) ? undefined : createExperts(gpu, config, `${prefix}moe.`, get, options);
  const dense = isDense(config, layer)
    ? { gateUp: get(`${prefix}mlp.gateUp`), down: get(`${prefix}mlp.down`) }
    : undefined;
  /** The layer's second half, on the residual stream x and what attention adds to it. */
  const feedForward = (
    x: Tensor,
    attended: Tensor,
    batch: number,
    training: boolean,
  ): { hidden: Tensor; experts?: MoeResult } => {
    const { sum, normed } = addRmsNorm(x, attended, postAttentionNorm, eps);
    if (dense) return { hidden: add(sum, mlp(normed, dense, options)) };
    const experts = moe!(normed.reshape([batch, -1, config.hiddenSize]), { training, residual: sum });
    return { hidden: experts.y.reshape(x.shape), experts };
  };
  const forward: DecoderLayer["forward"] = (x, tokens, training) => {
    const { y, latent, ropeKey } = mla(rmsNorm(x, inputNorm, eps), config, attention, tokens, options.linear);
    return { ...feedForward(x, y, tokens.batch, training), latent, ropeKey };
  };
  const block: DecoderLayer["block"] = (x, tokens, training) => {
    const run = (input: Tensor, where: MlaTokens): readonly Tensor[] => {
      const { hidden, experts } = forward(input, where, training);
      return experts?.balanceLoss ? [hidden, experts.balanceLoss] : [hidden];
    };
    const recomputed = training && options.checkpoint === "block";
    const [hidden, balanceLoss] = recomputed
      ? checkpointed(gpu, x, tokens, run)
      : inOwnScope(gpu, () => run(x, tokens));
    return { hidden: hidden!, ...(balanceLoss ? { balanceLoss } : {}) };
  };
  const decode: DecoderLayer["decode"] = (x, rotation, cache, rows) => {
    const y = mlaDecode(rmsNorm(x, inputNorm, eps), config, attention, rotation, cache, rows, options.linear);
    return feedForward(x, y, rows.sequences.length, false).hidden;
  };
  const parts = { attention, inputNorm, postAttentionNorm, moe, dense };
  const step = canDecodeStep(config, layer, options) ? { decodeStep: fusedDecodeStep(config, parts) } : {};
  return { ...(moe ? { moe } : {}), forward, block, decode, ...step };
}

function canDecodeStep(config: DeepseekConfig, layer: number, options: LayerOptions): boolean {
  const fits = isDense(config, layer) ? config.intermediateSize % 4 === 0 : canMoeDecodeStep(config);
  return fits && canMlaDecodeStep(config) && linearNames.every((name) => !options[name]);
}

function fusedDecodeStep(
  config: DeepseekConfig,
  { attention, inputNorm, postAttentionNorm, moe, dense }: LayerParts,
): NonNullable<DecoderLayer["decodeStep"]> {
  const normBy = (gain: Tensor): RowNorm => ({ gain, eps: config.rmsNormEps });
  return (x, cache, step) => {
    const mixed = mlaDecodeStep(x, config, attention, normBy(inputNorm), cache, step);
    const norm = normBy(postAttentionNorm);
    if (moe) return moeDecodeStep(mixed, config, moe.parameters, norm);
    return mlpDecodeStep(mixed, dense!, norm);
  };
}

/** Runs a block so that what backward does not need is freed behind it. */
function inOwnScope(gpu: Gpu, run: () => readonly Tensor[]): readonly Tensor[] {
  using scope = gpu.scope("layer");
  return run().map((output) => scope.keep(output));
}

/** Runs a block as a checkpoint. Angles and documents are inputs too, so that they live until backward. */
function checkpointed(
  gpu: Gpu,
  x: Tensor,
  { batch, length, rotation, documentStart }: MlaTokens,
  run: (x: Tensor, tokens: MlaTokens) => readonly Tensor[],
): readonly Tensor[] {
  const inputs = [x, rotation.cos, rotation.sin, rotation.positions, ...(documentStart ? [documentStart] : [])];
  return checkpoint(gpu, inputs, (input, cos, sin, positions, documents) => {
    const where = { batch, length, rotation: { cos: cos!, sin: sin!, positions: positions! } };
    return run(input!, documents ? { ...where, documentStart: documents } : where);
  });
}

function createExperts(
  gpu: Gpu,
  config: DeepseekConfig,
  prefix: string,
  get: TensorLookup,
  options: LayerOptions,
): Moe {
  const shared =
    config.nSharedExperts > 0
      ? { sharedGateUp: get(`${prefix}sharedGateUp`), sharedDown: get(`${prefix}sharedDown`) }
      : {};
  const parameters = {
    gate: get(`${prefix}gate`),
    expertsGateUp: get(`${prefix}expertsGateUp`),
    expertsDown: get(`${prefix}expertsDown`),
    bias: get(`${prefix}bias`),
    load: get(`${prefix}load`),
    ...shared,
  };
  return createMoe(gpu, config, parameters, options);
}
