import { didYouMean } from "@ds3/errors";
import type { DeepseekConfig } from "./config.ts";
import { checkConfig } from "./config-checks.ts";
import { isJsonObject, type Json, refuse } from "./config-error.ts";
import { CONFIG_FIELDS, type ConfigField, FIXED_KEYS, IGNORED_KEYS, SPECIAL_KEYS } from "./config-fields.ts";
import { checkQuantization } from "./config-quantization.ts";
import { parseRope } from "./config-rope.ts";
import { configToJson } from "./config-to-json.ts";

const KNOWN_KEYS = [...Object.keys(CONFIG_FIELDS), ...Object.keys(FIXED_KEYS), ...SPECIAL_KEYS, ...IGNORED_KEYS];

/**
 * Read a config.json-shaped object into a frozen config. Both spellings of the rope keys are understood; keys that do not
 * change the mathematics are dropped.
 *
 * @throws ConfigError naming the key, the value and the nearest valid one: unknown keys, missing or wrong values, fields
 * that contradict each other, features that are not supported (other routers, tied embeddings, other quantisations than
 * the released FP8).
 */
export function parseConfig(json: unknown): DeepseekConfig {
  if (!isJsonObject(json)) refuse("config", "an object, as config.json holds", json);
  for (const key of Object.keys(json)) {
    if (!KNOWN_KEYS.includes(key)) refuse(key, "a known key", json[key], didYouMean(key, KNOWN_KEYS));
  }
  refuseUnsupported(json);
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(CONFIG_FIELDS)) fields[field.name] = readField(key, field, json[key]);
  const config = { ...fields, ...parseRope(json) } as unknown as DeepseekConfig;
  checkConfig(config);
  checkDerived(json, config);
  return Object.freeze(config);
}

const FIELDS = [...Object.values(CONFIG_FIELDS).map(({ name }) => name), "ropeTheta", "ropeScaling"];

/**
 * Check a config that was put together by hand, as `parseConfig` checks a file; messages name config.json's keys.
 *
 * @throws ConfigError
 */
export function assertConfig(config: DeepseekConfig): void {
  for (const [name, value] of Object.entries(config)) {
    if (!FIELDS.includes(name)) refuse(name, "a field of the config", value, didYouMean(name, FIELDS));
  }
  parseConfig(configToJson(config));
}

function refuseUnsupported(json: Json): void {
  for (const [key, only] of Object.entries(FIXED_KEYS)) {
    const value = json[key];
    if (value !== undefined && value !== only) {
      refuse(key, JSON.stringify(only), value, "Nothing else is supported: the model is DeepSeek-V3's.");
    }
  }
  checkQuantization(json.quantization_config);
}

function readField(key: string, field: ConfigField, value: unknown): unknown {
  if (value === undefined && field.whenAbsent !== undefined) return field.whenAbsent;
  if (value === null && field.whenNull !== undefined) return field.whenNull;
  const expected = describe(field);
  if (value === undefined) refuse(key, expected, value, "The key is required.");
  if (!fits(field, value)) {
    const isLow = field.type === "integer" && typeof value === "number" && value < field.min!;
    refuse(key, expected, value, isLow ? `Nearest valid: ${field.min}.` : undefined);
  }
  return value;
}

function fits({ type, min = 0 }: ConfigField, value: unknown): boolean {
  if (type === "integer") return Number.isSafeInteger(value) && (value as number) >= min;
  if (type === "number") return typeof value === "number" && Number.isFinite(value) && value > 0;
  return typeof value === "boolean";
}

function describe({ type, min, whenNull }: ConfigField): string {
  const what = { integer: `an integer of at least ${min}`, number: "a number above 0", boolean: "true or false" }[type];
  return whenNull === undefined ? what : `${what}, or null`;
}

/** Keys that repeat what others say: they must repeat it rightly. */
function checkDerived(json: Json, config: DeepseekConfig): void {
  const derived = {
    num_key_value_heads: config.numAttentionHeads,
    qk_head_dim: config.qkNopeHeadDim + config.qkRopeHeadDim,
  };
  for (const [key, value] of Object.entries(derived)) {
    const found = json[key] ?? value;
    if (found !== value) refuse(key, `${value}, which the other sizes imply`, found, `Nearest valid: ${value}.`);
  }
}
