import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { fixturesRoot, skipVisibly } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import { configToJson } from "./config-to-json.ts";
import { countParameters } from "./count-parameters.ts";
import { parseConfig } from "./parse-config.ts";
import { deepseekPresets, deepseekV3, type PresetName } from "./presets.ts";

const json = configToJson(deepseekV3("v3-671b"));
const names = Object.keys(deepseekPresets) as PresetName[];

test.each(names)("preset %s is valid, frozen, and survives the way to JSON and back", (name) => {
  const config = deepseekV3(name);
  expect(config).toEqual(deepseekPresets[name].config);
  expect(Object.isFrozen(config)).toBe(true);
  expect(parseConfig(JSON.parse(JSON.stringify(configToJson(config))))).toEqual(config);
  expect(deepseekPresets[name].specialTokens[config.bosTokenId!]).toMatch(/begin|<s>/);
  expect(deepseekPresets[name].specialTokens[config.eosTokenId!]).toMatch(/end|<\/s>/);
  expect(deepseekPresets[name].specialTokens.slice(-2)).toEqual(["<｜User｜>", "<｜Assistant｜>"]);
});

test("DeepSeek-V3's release notes: 671B parameters, 36.6B active, 11.5B in the prediction module beside eh_proj", () => {
  const { total, active, mtp } = countParameters(deepseekV3("v3-671b"));
  expect(total / 1e9).toBeCloseTo(671.0, 1);
  expect(active / 1e9).toBeCloseTo(36.6, 1);
  expect((mtp - 2 * 7168 ** 2) / 1e9).toBeCloseTo(11.5, 1);
});

test("a score head counts as one row of the width, at work on every token", () => {
  const config = deepseekV3("tiny");
  const [without, within] = [countParameters(config), countParameters(config, { scoreHead: true })];
  expect([within.total - without.total, within.active - without.active, within.mtp - without.mtp]).toEqual([64, 64, 0]);
});

test("both spellings of the rope keys give one config", () => {
  const { rope_theta, rope_scaling, ...rest } = json;
  const { type, ...scaling } = rope_scaling as Record<string, unknown>;
  const parameters = { rope_theta, rope_type: type, ...scaling };
  expect(parseConfig({ ...rest, rope_parameters: parameters })).toEqual(parseConfig(json));
  expect(parseConfig({ ...rest, rope_parameters: { ...parameters, type } })).toEqual(parseConfig(json));
  expect(parseConfig({ ...json, rope_parameters: parameters })).toEqual(parseConfig(json));
  const plain = parseConfig({ ...rest, rope_parameters: { rope_theta: 5e4, rope_type: "default" } });
  expect([plain.ropeTheta, plain.ropeScaling]).toEqual([5e4, null]);
});

test("keys without mathematics are accepted and dropped", () => {
  const harmless = {
    transformers_version: "5.0",
    _name_or_path: "x",
    dtype: "bfloat16",
    seq_aux: true,
    qk_head_dim: 192,
  };
  expect(parseConfig({ ...json, ...harmless })).toEqual(parseConfig(json));
});

test("overrides are checked too", () => {
  expect(deepseekV3("tiny", { vocabSize: 1000 }).vocabSize).toBe(1000);
  expect(() => deepseekV3("tiny", { nGroup: 3 })).toThrow(/n_group: expected a divisor of n_routed_experts, 8, got 3/);
  expect(() => deepseekV3("tiny", { vocabsize: 3 } as object)).toThrow(/Did you mean "vocabSize"/);
  expect(() => deepseekV3("tinny" as "tiny")).toThrow(/Did you mean "tiny"/);
});

const scaling = json.rope_scaling as object;
const fp8 = { quant_method: "fp8", fmt: "e4m3", activation_scheme: "dynamic", weight_block_size: [128, 128] };
test.each<[Record<string, unknown>, RegExp]>([
  [{ hiden_size: 7 }, /hiden_size: expected a known key, got 7. Did you mean "hidden_size"/],
  [{ hidden_size: undefined }, /hidden_size: expected an integer of at least 1, got nothing. The key is required/],
  [{ hidden_size: 0 }, /hidden_size: expected an integer of at least 1, got 0. Nearest valid: 1/],
  [{ hidden_size: "64" }, /hidden_size: .* got "64"/],
  [{ hidden_size: 1.5 }, /hidden_size: .* got 1.5/],
  [{ norm_topk_prob: 1 }, /norm_topk_prob: expected true or false, got 1/],
  [{ n_group: 7 }, /n_group: expected a divisor of n_routed_experts, 256, got 7. Nearest valid: 4 or 8/],
  [{ topk_group: 9 }, /topk_group: expected at most n_group, 8, got 9. Nearest valid: 8/],
  [{ num_experts_per_tok: 129 }, /num_experts_per_tok: expected at most 128, .* got 129. Nearest valid: 128/],
  [{ qk_rope_head_dim: 63 }, /qk_rope_head_dim: expected an even number.* got 63. Nearest valid: 62 or 64/],
  [{ num_key_value_heads: 8 }, /num_key_value_heads: expected 128, .* got 8/],
  [{ qk_head_dim: 100 }, /qk_head_dim: expected 192, .* got 100/],
  [{ first_k_dense_replace: 62 }, /first_k_dense_replace: expected at most num_hidden_layers, 61, got 62/],
  [{ eos_token_id: 129280 }, /eos_token_id: expected below vocab_size, 129280, got 129280. Nearest valid: 129279/],
  [{ topk_method: "greedy" }, /topk_method: expected "noaux_tc", got "greedy"/],
  [{ scoring_func: "softmax" }, /scoring_func: expected "sigmoid", got "softmax"/],
  [{ hidden_act: "gelu" }, /hidden_act: expected "silu", got "gelu"/],
  [{ model_type: "deepseek_v2" }, /model_type: expected "deepseek_v3"/],
  [{ tie_word_embeddings: true }, /tie_word_embeddings: expected false, got true/],
  [{ quantization_config: "fp8" }, /quantization_config: expected an object, or null .* got "fp8"/],
  [{ quantization_config: { quant_method: "fp8" } }, /weight_block_size: expected \[128,128\], got nothing/],
  [{ quantization_config: { ...fp8, quant_method: "gptq" } }, /quant_method: expected "fp8", got "gptq"\. .* Convert/],
  [{ quantization_config: { ...fp8, fmt: "e5m2" } }, /quantization_config.fmt: expected "e4m3", got "e5m2"/],
  [{ quantization_config: { ...fp8, weight_block_size: null } }, /weight_block_size: expected \[128,128\], got null/],
  [{ quantization_config: { ...fp8, weight_block_size: [64, 128] } }, /weight_block_size: .* got \[64,128\]/],
  [{ quantization_config: { ...fp8, activation_scheme: "static" } }, /activation_scheme: expected "dynamic"/],
  [{ quantization_config: { ...fp8, scale_fmt: "e8" } }, /scale_fmt: expected "ue8m0", got "e8"/],
  [{ quantization_config: { ...fp8, weight_block: 1 } }, /weight_block: .* Did you mean "weight_block_size"/],
  [{ rope_scaling: { type: "linear" } }, /rope_scaling.type: expected "yarn".* got "linear"/],
  [
    { rope_scaling: { ...scaling, factr: 2 } },
    /rope_scaling.factr: expected a known key, got 2. Did you mean "factor"/,
  ],
  [{ rope_scaling: { ...scaling, factor: 0.5 } }, /rope_scaling.factor: expected at least 1, got 0.5/],
  [{ rope_scaling: { ...scaling, beta_fast: 0.5 } }, /beta_fast: expected at least beta_slow, 1, got 0.5/],
  [{ rope_parameters: { rope_theta: 7, rope_type: "default" } }, /rope_theta: expected 7, as in rope_parameters/],
  [
    { rope_parameters: { rope_type: "yarn", factor: 2, original_max_position_embeddings: 9 } },
    /rope_scaling: expected the same/,
  ],
  [
    {
      rope_parameters: { rope_theta: json.rope_theta, ...scaling },
      rope_scaling: { type: "default" },
    },
    /rope_scaling: expected the same/,
  ],
  [{ rope_scaling: { ...scaling, rope_theta: 7 } }, /rope_scaling.rope_theta: expected a known key, got 7/],
  [{ rope_theta: 1 }, /rope_theta: expected a number above 1, got 1/],
])("refuses %o by name", (change, message) => {
  expect(() => parseConfig({ ...json, ...change })).toThrow(message);
  expect(() => parseConfig({ ...json, ...change })).toThrow(ConfigError);
});

test.each<object>([
  { ...fp8 },
  { ...fp8, scale_fmt: "ue8m0" },
  { quant_method: "fp8", weight_block_size: [128, 128], dequantize: false, modules_to_not_convert: null },
])("how weights are stored is no part of a config: %o", (quantization) => {
  expect(parseConfig({ ...json, quantization_config: quantization })).toEqual(parseConfig(json));
});

test("refuses what is no object", () => {
  for (const value of [null, [], "config.json", 3]) expect(() => parseConfig(value)).toThrow(ConfigError);
});

describe("external config.json files", () => {
  const root = fixturesRoot();
  if (root === undefined) skipVisibly("config.json files: no external fixtures (set DS3_FIXTURES)");
  const files = root === undefined ? [] : (readdirSync(root, { recursive: true }) as string[]);
  test.each(files.filter((file) => /(^|\/)config\.json$/.test(file)))("%s", (file) => {
    const stored = JSON.parse(readFileSync(join(root!, file), "utf8"));
    const config = parseConfig(stored);
    expect(config).toMatchObject({ hiddenSize: stored.hidden_size, qLoraRank: stored.q_lora_rank });
    expect(parseConfig(configToJson(config))).toEqual(config);
  });
});
