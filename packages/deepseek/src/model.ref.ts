import { type MlaRefTokens, mlaRef } from "@ds3/mla/reference";
import { type MoeRefResult, moeRef } from "@ds3/moe/reference";
import type { BlockRef, MtpModuleRefWeights } from "@ds3/mtp/reference";
import {
  linearBackwardRef,
  linearRef,
  type MlpRefWeights,
  mlpBackwardRef,
  mlpRef,
  rmsNormBackwardRef,
  rmsNormRef,
} from "@ds3/tensor/reference";
import type { DeepseekConfig } from "./config.ts";

/*
 * The whole model in f64, put together from the layers' references. Weights and gradients go by their checkpoint names,
 * so a checkpoint's tensors can be handed in as they are. Written to be read and compared with, not to be fast.
 */

/** Weights by checkpoint name. */
export type ModelRefWeights = Readonly<Record<string, Float64Array>>;

/** Gradients by checkpoint name; every function adds to what is there. */
export type ModelRefGradients = Record<string, Float64Array>;

/** Result of {@link modelRef}. */
export interface ModelRefResult {
  /** Residual stream before the final norm, [B, T, D]: h^0 of the raw multi-token prediction. */
  readonly hidden: Float64Array;
  /** After the final norm, [B, T, D]. */
  readonly normed: Float64Array;
  /** [B, T, V] */
  readonly logits: Float64Array;
  /** Input of each layer, [B, T, D], then `hidden`. */
  readonly layerInputs: readonly Float64Array[];
  /** Decisions of each MoE layer by its number. */
  readonly moe: ReadonlyMap<number, MoeRefResult>;
  /** Add all gradients, given those of `logits` and, for multi-token prediction, of `hidden` or `normed`. */
  readonly backward: (
    grads: { readonly logits: Float64Array; readonly hidden?: Float64Array; readonly normed?: Float64Array },
    into: ModelRefGradients,
  ) => void;
}

/** The main model, f64: ids [B, T] to logits [B, T, V]. */
export function modelRef(
  config: DeepseekConfig,
  weights: ModelRefWeights,
  ids: ArrayLike<number>,
  tokens: MlaRefTokens,
): ModelRefResult {
  const { hiddenSize: D, rmsNormEps: eps } = config;
  const embedding = weights["model.embed_tokens.weight"];
  let x: Float64Array = new Float64Array(ids.length * D);
  for (let t = 0; t < ids.length; t++) x.set(embedding.subarray(ids[t] * D, (ids[t] + 1) * D), t * D);
  const layerInputs = [x];
  const moe = new Map<number, MoeRefResult>();
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => {
    const done = blockRef(config, weights, layer, x, tokens);
    x = done.out;
    layerInputs.push(x);
    if (done.moe !== undefined) moe.set(layer, done.moe);
    return done;
  });
  const normed = rmsNormRef(x, weights["model.norm.weight"], eps);
  const head = weights["lm_head.weight"];
  const backward: ModelRefResult["backward"] = (grads, into) => {
    const top = linearBackwardRef(grads.logits, normed, head, D);
    addInto(into, "lm_head.weight", top.weight);
    const norm = rmsNormBackwardRef(plus(top.x, grads.normed), x, weights["model.norm.weight"], eps);
    addInto(into, "model.norm.weight", norm.weight);
    const gradX = layers.reduceRight((grad, layer) => layer.backward(grad, into), plus(norm.x, grads.hidden));
    const gradEmbedding = new Float64Array(embedding.length);
    for (let i = 0; i < gradX.length; i++) gradEmbedding[ids[Math.floor(i / D)] * D + (i % D)] += gradX[i];
    addInto(into, "model.embed_tokens.weight", gradEmbedding);
  };
  return { hidden: x, normed, logits: linearRef(normed, head, D), layerInputs, moe, backward };
}

/** Result of {@link blockRef}. */
export interface ModelBlockRefResult {
  readonly out: Float64Array;
  /** Decisions, when the layer has experts. */
  readonly moe?: MoeRefResult;
  /** Returns the gradient of x and adds those of the weights. */
  readonly backward: (gradOut: Float64Array, into: ModelRefGradients) => Float64Array;
}

/** One transformer block, f64: h = x + MLA(norm(x)), out = h + FFN(norm(h)), with experts from firstKDenseReplace on. */
export function blockRef(
  config: DeepseekConfig,
  weights: ModelRefWeights,
  layer: number,
  x: Float64Array,
  tokens: MlaRefTokens,
): ModelBlockRefResult {
  const { rmsNormEps: eps } = config;
  const prefix = `model.layers.${layer}.`;
  const [inputNorm, postNorm] = [`${prefix}input_layernorm.weight`, `${prefix}post_attention_layernorm.weight`];
  const own = attentionWeights(weights, `${prefix}self_attn.`);
  const attention = mlaRef(config, own, rmsNormRef(x, weights[inputNorm], eps), tokens);
  const middle = plus(attention.out, x);
  const ffn = layer < config.firstKDenseReplace ? denseRef : expertsRef;
  const feedForward = ffn(config, weights, `${prefix}mlp.`, rmsNormRef(middle, weights[postNorm], eps));
  const backward: ModelBlockRefResult["backward"] = (gradOut, into) => {
    const post = rmsNormBackwardRef(feedForward.backward(gradOut, into), middle, weights[postNorm], eps);
    const gradMiddle = plus(post.x, gradOut);
    const inner = attention.backward(gradMiddle);
    for (const [name, grad] of Object.entries(inner.weights)) addInto(into, `${prefix}self_attn.${name}`, grad);
    const input = rmsNormBackwardRef(inner.x, x, weights[inputNorm], eps);
    addInto(into, inputNorm, input.weight);
    addInto(into, postNorm, post.weight);
    return plus(input.x, gradMiddle);
  };
  const moe = feedForward.moe === undefined ? {} : { moe: feedForward.moe };
  return { out: plus(feedForward.out, middle), ...moe, backward };
}

/** A multi-token prediction depth (from 1): its own weights, and its block with gradients added to `into`. */
export function mtpDepthRef(
  config: DeepseekConfig,
  weights: ModelRefWeights,
  depth: number,
  into: ModelRefGradients,
): { readonly module: MtpModuleRefWeights; readonly block: BlockRef } {
  const layer = config.numHiddenLayers + depth - 1;
  const part = (name: string) => weights[`model.layers.${layer}.${name}.weight`];
  const block: BlockRef = (x, rows) => {
    const { out, backward } = blockRef(config, weights, layer, x, rows);
    return { out, backward: (gradOut) => backward(gradOut, into) };
  };
  const module = {
    enorm: part("enorm"),
    hnorm: part("hnorm"),
    ehProj: part("eh_proj"),
    sharedHeadNorm: part("shared_head.norm"),
  };
  return { module, block };
}

interface FeedForward {
  readonly out: Float64Array;
  readonly moe?: MoeRefResult;
  readonly backward: (gradOut: Float64Array, into: ModelRefGradients) => Float64Array;
}

const PROJECTIONS = { gateProj: "gate_proj", upProj: "up_proj", downProj: "down_proj" } as const;

function denseRef(config: DeepseekConfig, weights: ModelRefWeights, prefix: string, x: Float64Array): FeedForward {
  const network = mlpWeights(weights, prefix);
  const backward: FeedForward["backward"] = (gradOut, into) => {
    const { x: gradX, ...grads } = mlpBackwardRef(gradOut, x, network, config.hiddenSize);
    addMlp(into, prefix, grads);
    return gradX;
  };
  return { out: mlpRef(x, network, config.hiddenSize), backward };
}

function expertsRef(config: DeepseekConfig, weights: ModelRefWeights, prefix: string, x: Float64Array): FeedForward {
  const numbers = Array.from({ length: config.nRoutedExperts }, (_, e) => e);
  const each = numbers.map((e) => mlpWeights(weights, `${prefix}experts.${e}.`));
  const packed = (name: keyof MlpRefWeights) => Float64Array.from(each.flatMap((network) => [...network[name]]));
  const shared = config.nSharedExperts === 0 ? {} : { shared: mlpWeights(weights, `${prefix}shared_experts.`) };
  const layer = {
    gate: weights[`${prefix}gate.weight`],
    bias: weights[`${prefix}gate.e_score_correction_bias`],
    experts: { gateProj: packed("gateProj"), upProj: packed("upProj"), downProj: packed("downProj") },
    ...shared,
  };
  const moe = moeRef(config, layer, x);
  const backward: FeedForward["backward"] = (gradOut, into) => {
    const grads = moe.backward(gradOut);
    addInto(into, `${prefix}gate.weight`, grads.gate);
    if (grads.shared !== undefined) addMlp(into, `${prefix}shared_experts.`, grads.shared);
    const size = config.hiddenSize * config.moeIntermediateSize;
    for (const e of numbers) {
      const row = (name: keyof MlpRefWeights) => grads.experts[name].subarray(e * size, (e + 1) * size);
      addMlp(into, `${prefix}experts.${e}.`, {
        gateProj: row("gateProj"),
        upProj: row("upProj"),
        downProj: row("downProj"),
      });
    }
    return grads.x;
  };
  return { out: moe.out, moe, backward };
}

function attentionWeights(weights: ModelRefWeights, prefix: string): ModelRefWeights {
  const own = Object.keys(weights).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(own.map((name) => [name.slice(prefix.length), weights[name]]));
}

function mlpWeights(weights: ModelRefWeights, prefix: string): MlpRefWeights {
  const part = (name: keyof MlpRefWeights) => weights[`${prefix}${PROJECTIONS[name]}.weight`];
  return { gateProj: part("gateProj"), upProj: part("upProj"), downProj: part("downProj") };
}

function addMlp(into: ModelRefGradients, prefix: string, grads: MlpRefWeights): void {
  for (const name of ["gateProj", "upProj", "downProj"] as const) {
    addInto(into, `${prefix}${PROJECTIONS[name]}.weight`, grads[name]);
  }
}

/** Add a gradient to what `into` has under `name`. */
function addInto(into: ModelRefGradients, name: string, grad: Float64Array): void {
  const sum = into[name];
  into[name] = sum === undefined ? grad.slice() : plus(grad, sum);
}

function plus(a: Float64Array, b: Float64Array | undefined): Float64Array {
  return b === undefined ? a : a.map((value, i) => value + b[i]);
}
