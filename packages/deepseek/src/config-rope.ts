import { didYouMean } from "@ds3/errors";
import type { RopeConfig, YarnScaling } from "@ds3/mla";
import { isJsonObject, type Json, refuse } from "./config-error.ts";

const DEFAULT_THETA = 10000;
const YARN_KEYS = [
  "type",
  "rope_type",
  "rope_theta",
  "factor",
  "beta_fast",
  "beta_slow",
  "original_max_position_embeddings",
  "mscale",
  "mscale_all_dim",
];

/**
 * The rotary part of config.json, in either spelling: `rope_theta` beside `rope_scaling` {type | rope_type, ...}
 * (released files), or `rope_parameters` {rope_theta, rope_type, ...} (transformers 5). Both at once must agree.
 *
 * @throws ConfigError naming the key.
 */
export function parseRope(json: Json): Pick<RopeConfig, "ropeTheta" | "ropeScaling"> {
  const parameters = optionalObject(json, "rope_parameters");
  const scaling = optionalObject(json, "rope_scaling");
  const thetas = [json.rope_theta, parameters?.rope_theta].filter((theta) => theta !== undefined);
  const theta = thetas[0] ?? DEFAULT_THETA;
  if (thetas.length === 2 && thetas[0] !== thetas[1]) {
    refuse("rope_theta", `${thetas[1]}, as in rope_parameters`, thetas[0], "Keep one of the two.");
  }
  if (typeof theta !== "number" || !(theta > 1) || !Number.isFinite(theta)) {
    refuse("rope_theta", "a number above 1", theta, `DeepSeek-V3 uses ${DEFAULT_THETA}.`);
  }
  if (scaling?.rope_theta !== undefined) {
    refuse("rope_scaling.rope_theta", "a known key", scaling.rope_theta, "It belongs beside rope_scaling.");
  }
  const fromScaling = scaling && parseScaling("rope_scaling", scaling);
  const fromParameters = parameters && parseScaling("rope_parameters", parameters);
  const bothSpellings = fromScaling !== undefined && fromParameters !== undefined;
  if (bothSpellings && JSON.stringify(fromScaling) !== JSON.stringify(fromParameters)) {
    refuse("rope_scaling", "the same as rope_parameters", scaling, "Keep one of the two.");
  }
  return { ropeTheta: theta, ropeScaling: fromScaling ?? fromParameters ?? null };
}

function optionalObject(json: Json, key: string): Json | undefined {
  const value = json[key] ?? undefined;
  if (value !== undefined && !isJsonObject(value)) refuse(key, "an object or null", value);
  return value;
}

function parseScaling(key: string, json: Json): YarnScaling | null {
  const kinds = [json.rope_type, json.type].filter((kind) => kind !== undefined);
  const kind = kinds[0] ?? (key === "rope_parameters" ? "default" : undefined);
  if (kinds.length === 2 && kinds[0] !== kinds[1]) refuse(`${key}.type`, `${JSON.stringify(kinds[0])}`, kinds[1]);
  if (kind !== "default" && kind !== "yarn") {
    refuse(
      `${key}.type`,
      '"yarn", or "default" for plain rotary angles',
      kind,
      didYouMean(String(kind), ["yarn", "default"]),
    );
  }
  for (const name of Object.keys(json)) {
    if (!YARN_KEYS.includes(name)) refuse(`${key}.${name}`, "a known key", json[name], didYouMean(name, YARN_KEYS));
  }
  if (kind === "default") return null;
  const positive = (name: string, whenAbsent?: number): number => {
    const value = json[name] ?? whenAbsent;
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
      refuse(`${key}.${name}`, "a number above 0", value);
    }
    return value;
  };
  const scaling = {
    type: "yarn",
    factor: positive("factor"),
    betaFast: positive("beta_fast", 32),
    betaSlow: positive("beta_slow", 1),
    originalMaxPositionEmbeddings: positive("original_max_position_embeddings"),
    ...(json.mscale === undefined ? {} : { mscale: positive("mscale") }),
    ...(json.mscale_all_dim === undefined ? {} : { mscaleAllDim: positive("mscale_all_dim") }),
  } as const;
  if (scaling.factor < 1) refuse(`${key}.factor`, "at least 1", scaling.factor, "Nearest valid: 1.");
  if (scaling.betaFast < scaling.betaSlow) {
    refuse(`${key}.beta_fast`, `at least beta_slow, ${scaling.betaSlow}`, scaling.betaFast);
  }
  return Object.freeze(scaling);
}
