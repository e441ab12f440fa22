import { ConfigError, didYouMean } from "@ds3/errors";
import type { DeepseekConfig } from "./config.ts";
import { configToJson } from "./config-to-json.ts";
import { parseConfig } from "./parse-config.ts";

/** Name of a preset. */
export type PresetName = "tiny" | "mini" | "mini-v3" | "v3-671b";

/** A named config with what goes beside it. */
export interface Preset {
  readonly about: string;
  /** Special tokens of the tokenizer in order of their ids from 0, which bosTokenId and eosTokenId refer to. */
  readonly specialTokens: readonly string[];
  readonly config: DeepseekConfig;
}

/** Who speaks in a chat: at the end of every list, so that the ids before them do not move. */
const chatTokens = ["<｜User｜>", "<｜Assistant｜>"] as const;

const deepseekTokens = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", ...chatTokens] as const;

const shared = {
  nSharedExperts: 1,
  normTopkProb: true,
  ropeTheta: 10000,
  ropeScaling: null,
  rmsNormEps: 1e-6,
  initializerRange: 0.02,
  bosTokenId: 0,
  eosTokenId: 1,
  padTokenId: null,
} as const;

const tiny: DeepseekConfig = {
  ...shared,
  // Deviation times the root of the width, 0.5, is DeepSeek-V3's: 0.006 at width 7168.
  initializerRange: 0.06,
  vocabSize: 768,
  hiddenSize: 64,
  intermediateSize: 192,
  moeIntermediateSize: 64,
  numHiddenLayers: 3,
  numNextnPredictLayers: 1,
  firstKDenseReplace: 1,
  numAttentionHeads: 4,
  qLoraRank: 32,
  kvLoraRank: 32,
  qkNopeHeadDim: 16,
  qkRopeHeadDim: 16,
  vHeadDim: 16,
  nRoutedExperts: 8,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  routedScalingFactor: 1,
  maxPositionEmbeddings: 1024,
};

const mini: DeepseekConfig = {
  ...tiny,
  initializerRange: shared.initializerRange,
  vocabSize: 6400,
  hiddenSize: 256,
  intermediateSize: 512,
  moeIntermediateSize: 128,
  numHiddenLayers: 6,
  numNextnPredictLayers: 0,
  numAttentionHeads: 8,
  qLoraRank: 96,
  kvLoraRank: 64,
  qkNopeHeadDim: 32,
  qkRopeHeadDim: 16,
  vHeadDim: 32,
  routedScalingFactor: 2.5,
  maxPositionEmbeddings: 2048,
};

const miniV3: DeepseekConfig = {
  ...mini,
  hiddenSize: 384,
  intermediateSize: 1024,
  moeIntermediateSize: 384,
  numHiddenLayers: 8,
  numNextnPredictLayers: 1,
  qLoraRank: 192,
  kvLoraRank: 128,
  qkRopeHeadDim: 16,
  vHeadDim: 48,
  nRoutedExperts: 4,
  routedScalingFactor: 1,
  bosTokenId: 1,
  eosTokenId: 2,
};

const v3: DeepseekConfig = {
  ...shared,
  vocabSize: 129280,
  hiddenSize: 7168,
  intermediateSize: 18432,
  moeIntermediateSize: 2048,
  numHiddenLayers: 61,
  numNextnPredictLayers: 1,
  firstKDenseReplace: 3,
  numAttentionHeads: 128,
  qLoraRank: 1536,
  kvLoraRank: 512,
  qkNopeHeadDim: 128,
  qkRopeHeadDim: 64,
  vHeadDim: 128,
  nRoutedExperts: 256,
  numExpertsPerTok: 8,
  nGroup: 8,
  topkGroup: 4,
  routedScalingFactor: 2.5,
  maxPositionEmbeddings: 163840,
  ropeScaling: {
    type: "yarn",
    factor: 40,
    betaFast: 32,
    betaSlow: 1,
    originalMaxPositionEmbeddings: 4096,
    mscale: 1,
    mscaleAllDim: 1,
  },
};

/** All presets, smallest first. */
export const deepseekPresets: Readonly<Record<PresetName, Preset>> = {
  tiny: {
    about:
      "Every part of the system at the smallest size that learns: seconds per hundred steps on a CPU. Set vocabSize to the tokenizer's.",
    specialTokens: deepseekTokens,
    config: tiny,
  },
  mini: {
    about: "The benchmarks' model: six layers of width 256, eight experts of which two are active.",
    specialTokens: deepseekTokens,
    config: mini,
  },
  "mini-v3": {
    about:
      "The sizes that small reproductions of DeepSeek-V3 use: vocabulary 6400 with <unk> <s> </s>, four experts of which " +
      "two are active. Eight layers of width 384 (eight heads of value width 48), latents a half and a third of it.",
    specialTokens: ["<unk>", "<s>", "</s>", ...chatTokens],
    config: miniV3,
  },
  "v3-671b": {
    about: "DeepSeek-V3 as released, in shapes: for planning, not for one GPU.",
    specialTokens: deepseekTokens,
    config: v3,
  },
};

/**
 * A preset's config, with fields of one's own in place of its own, checked and frozen.
 *
 * @throws ConfigError for an unknown preset or field, or fields that contradict each other.
 */
export function deepseekV3(name: PresetName, overrides: Partial<DeepseekConfig> = {}): DeepseekConfig {
  const op = "deepseekV3";
  if (!Object.hasOwn(deepseekPresets, name)) {
    const hint = didYouMean(name, Object.keys(deepseekPresets));
    throw new ConfigError({ op, operand: "name", expected: "a preset", actual: `"${name}"`, hint });
  }
  const base = deepseekPresets[name].config;
  for (const key of Object.keys(overrides)) {
    if (Object.hasOwn(base, key)) continue;
    const hint = didYouMean(key, Object.keys(base));
    throw new ConfigError({ op, operand: key, expected: "a field of the config", actual: "an unknown one", hint });
  }
  return parseConfig(configToJson({ ...base, ...overrides }));
}
