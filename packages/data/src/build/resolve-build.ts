import { ConfigError, didYouMean, OutOfRangeError } from "@ds3/errors";
import { resolveDedupOptions } from "../dedup/dedup-options.ts";
import type { BuildConfig, BuildDedup, BuildSource, CorpusEncoder } from "./build-config.ts";

/** A config with every default filled in but those of the stages, which fill in their own. */
export interface BuildSettings extends Required<Omit<BuildConfig, "work" | "mix">> {
  readonly work: string;
  readonly mix: BuildConfig["mix"] | undefined;
}

const OP = "buildCorpus";

/** The keys of a config by where they stand; stages check the keys of their own settings. */
const KEYS = {
  config:
    "out work sources seed badRecords normalize language filters dedup mix fimRate splitRate shardTokens partUnits sampleCount",
  source: "name paths format textKey separator encoding quotes language repeat lossWeight",
  filters: "gopherRepetition gopherQuality c4 fineweb",
  dedup: "exact minHash memoryLimit",
  replay: "source ratio",
  mix: "weights temperature total maxEpochs replay",
} as const;

/**
 * A config checked, with its defaults.
 * @throws ConfigError naming the key, the value and the nearest known key; OutOfRangeError for a number out of range.
 */
export function resolveBuild(config: BuildConfig, encoder: CorpusEncoder): BuildSettings {
  requireKnown("config", "config", config);
  requireKnown("filters", "filters", config.filters ?? {});
  requireKnown("dedup", "dedup", config.dedup ?? {});
  requireKnown("mix", "mix", config.mix ?? {});
  requireDedup(config.dedup ?? {});
  requireText("out", config.out);
  if (config.work !== undefined) requireText("work", config.work);
  requireSources(config);
  const { fimRate = encoder.fim === undefined ? 0 : 0.1, splitRate = encoder.bytesOf === undefined ? 0 : 0.1 } = config;
  requireChoice("badRecords", config.badRecords ?? "keep", ["keep", "stop"]);
  requireNumber("seed", config.seed ?? 0, [0, Number.MAX_SAFE_INTEGER], true);
  requireNumber("partUnits", config.partUnits ?? 1, [1, 2 ** 40], true);
  requireNumber("sampleCount", config.sampleCount ?? 0, [0, 1000], true);
  requireRates(fimRate, splitRate, encoder);
  return {
    ...DEFAULTS,
    ...dropUndefined(config),
    work: config.work ?? `${config.out.replace(/[/\\]+$/, "")}.work`,
    mix: config.mix,
    fimRate,
    splitRate,
  };
}

/** What the shards of a build depend on: they are resumed with equal ones only. */
export function fingerprintOf(settings: BuildSettings, encoder: CorpusEncoder): Readonly<Record<string, unknown>> {
  const { mix, fimRate, splitRate, shardTokens } = settings;
  const repeats = settings.sources.map(({ repeat = 1, lossWeight = 1 }) => ({ repeat, lossWeight }));
  const own = { mix, repeats, fimRate, splitRate, shardTokens, encoder: encoder.name };
  return { ...textFingerprintOf(settings), ...JSON.parse(JSON.stringify(own)) };
}

/** What the intermediate results depend on: texts can be mixed and encoded otherwise without doing them again. */
export function textFingerprintOf(settings: BuildSettings): Readonly<Record<string, unknown>> {
  const { seed, badRecords, normalize, language, filters, dedup, partUnits, sampleCount } = settings;
  const { memoryLimit: _memoryLimit, ...choices } = dedup;
  const sources = settings.sources.map(({ repeat: _repeat, lossWeight: _lossWeight, ...source }) => source);
  const own = { sources, seed, badRecords, normalize, language, filters, dedup: choices, partUnits, sampleCount };
  return JSON.parse(JSON.stringify(own));
}

const DEFAULTS = {
  seed: 0,
  badRecords: "keep",
  normalize: true,
  language: true,
  filters: {},
  dedup: {},
  shardTokens: 2 ** 23,
  partUnits: 2 ** 25,
  sampleCount: 3,
} as const;

function dropUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

function requireSources({ sources, mix }: BuildConfig): void {
  if (!Array.isArray(sources) || sources.length === 0) throw wrong("sources", "at least one source", show(sources));
  const names = sources.map((source: BuildSource, i) => {
    requireKnown("source", `sources[${i}]`, source);
    requireText(`sources[${i}].name`, source.name);
    requirePaths(`sources[${i}].paths`, source.paths);
    requireNumber(`sources[${i}].repeat`, source.repeat ?? 1, [0, 1000]);
    requireNumber(`sources[${i}].lossWeight`, source.lossWeight ?? 1, [0, 1e6]);
    if (mix !== undefined && source.repeat !== undefined)
      throw wrong(`sources[${i}].repeat`, "none beside mix", show(source.repeat));
    return source.name;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong("sources", "names that differ", `two named ${show(twice)}`);
  requireMix(mix, names);
}

function requireDedup({ memoryLimit, ...choices }: BuildDedup): void {
  if (memoryLimit !== undefined) requireNumber("dedup.memoryLimit", memoryLimit, [2 ** 20, Number.MAX_SAFE_INTEGER]);
  for (const mode of ["exact", "minHash"] as const) {
    const choice = choices[mode];
    if (choice === undefined || typeof choice === "boolean") continue;
    if ("mode" in choice) throw wrong(`dedup.${mode}`, "options without mode", show(choice));
    resolveDedupOptions(`${OP}, dedup.${mode}`, { mode, ...choice });
  }
}

/** What mixing cannot check before anything was read. */
function requireMix(mix: BuildConfig["mix"], names: readonly string[]): void {
  if (mix === undefined) return;
  const { weights, temperature, total, maxEpochs, replay } = mix;
  if (temperature !== undefined) requireNumber("mix.temperature", temperature, [Number.MIN_VALUE, Infinity]);
  if (total !== undefined) requireNumber("mix.total", total, [1, Number.MAX_SAFE_INTEGER]);
  if (maxEpochs !== undefined) requireNumber("mix.maxEpochs", maxEpochs, [1, Number.MAX_SAFE_INTEGER]);
  if (weights !== undefined) requireWeights(weights, names);
  const shares = { weights, temperature, total };
  const given = Object.entries(shares).find(([, value]) => value !== undefined)?.[0];
  if (weights !== undefined && temperature !== undefined) throw wrong("mix", "weights or temperature", "both");
  if (replay === undefined) return;
  requireKnown("replay", "mix.replay", replay);
  if (given !== undefined) throw wrong("mix.replay", "neither weights, temperature nor total beside it", given);
  if (names.length !== 2) throw wrong("mix.replay", "two sources", String(names.length));
  if (!names.includes(replay.source))
    throw wrong(
      "mix.replay.source",
      "the name of a source",
      show(replay.source),
      didYouMean(String(replay.source), names),
    );
  if (!(replay.ratio >= 0 && replay.ratio < 1))
    throw new OutOfRangeError({
      op: OP,
      operand: "mix.replay.ratio",
      expected: "a number in [0, 1)",
      actual: show(replay.ratio),
    });
}

function requireWeights(weights: Readonly<Record<string, number>>, names: readonly string[]): void {
  for (const [name, weight] of Object.entries(weights)) {
    if (!names.includes(name)) throw wrong("mix.weights", "names of sources", show(name), didYouMean(name, names));
    requireNumber(`mix.weights.${name}`, weight, [0, Number.MAX_VALUE]);
  }
  const missing = names.find((name) => !Object.hasOwn(weights, name));
  if (missing !== undefined) throw wrong("mix.weights", "a weight of every source", `none of ${show(missing)}`);
  if (!Object.values(weights).some((weight) => weight > 0)) throw wrong("mix.weights", "one above 0", "none");
}

function requireRates(fimRate: number, splitRate: number, encoder: CorpusEncoder): void {
  requireNumber("fimRate", fimRate, [0, 1]);
  requireNumber("splitRate", splitRate, [0, 1]);
  if (fimRate > 0 && encoder.fim === undefined)
    throw wrong("fimRate", "0: the encoder has no ids for it", String(fimRate), "Train a tokenizer with such tokens.");
  if (splitRate > 0 && encoder.bytesOf === undefined)
    throw wrong("splitRate", "0: the encoder gives no bytes of its tokens", String(splitRate));
}

function requireKnown(kind: keyof typeof KEYS, operand: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(operand, "an object", show(value));
  const known = KEYS[kind].split(" ");
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw wrong(operand, "known keys", show(unknown), didYouMean(unknown, known));
}

function requireText(operand: string, value: unknown): void {
  if (typeof value !== "string" || value === "") throw wrong(operand, "a text that is not empty", show(value));
}

function requirePaths(operand: string, value: unknown): void {
  const paths = Array.isArray(value) ? value : [value];
  if (paths.length === 0) throw wrong(operand, "at least one path", "none");
  for (const path of paths) requireText(operand, path);
}

function requireChoice(operand: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw wrong(operand, choices.join(" or "), show(value), didYouMean(value, choices));
}

function requireNumber(operand: string, value: unknown, [low, high]: readonly [number, number], isWhole = false): void {
  const isFit = typeof value === "number" && value >= low && value <= high && (!isWhole || Number.isInteger(value));
  if (isFit) return;
  const expected = `${isWhole ? "an integer" : "a number"} in [${low}, ${high}]`;
  throw new OutOfRangeError({ op: OP, operand, expected, actual: show(value) });
}

function wrong(operand: string, expected: string, actual: string, hint?: string): ConfigError {
  return new ConfigError({ op: OP, operand, expected, actual, ...(hint === undefined ? {} : { hint }) });
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
