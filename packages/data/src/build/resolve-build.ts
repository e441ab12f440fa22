import { didYouMean, OutOfRangeError } from "@ds3/errors";
import { resolveDedupOptions } from "../dedup/dedup-options.ts";
import type { BuildConfig, BuildDedup, BuildMix, BuildSource, CorpusEncoder } from "./build-config.ts";
import {
  isObject,
  requireBoolean,
  requireChoice,
  requireKnown,
  requireNumber,
  requirePaths,
  requireSwitch,
  requireText,
  show,
  wrong,
} from "./config-checks.ts";

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
  source: "name paths format textKey separator encoding quotes maxRecordBytes language repeat lossWeight",
  filters: "gopherRepetition gopherQuality c4 fineweb",
  dedup: "exact minHash memoryLimit",
  replay: "source ratio",
  mix: "weights temperature total maxEpochs replay",
} as const;

/**
 * A config checked, with its defaults; without an encoder what does not depend on it.
 * @throws ConfigError naming the key, the value and the nearest known key; OutOfRangeError for a number out of range.
 */
export function resolveBuild(config: BuildConfig, encoder: CorpusEncoder | undefined): BuildSettings {
  requireKnown("config", config, KEYS.config);
  const given = dropUndefined(config);
  requireText("out", given.out);
  if (given.work !== undefined) requireText("work", given.work);
  const settings = { ...DEFAULTS, ...rateDefaults(encoder), ...given, mix: given.mix };
  requireChoice("badRecords", settings.badRecords, ["keep", "stop"]);
  requireNumber("seed", settings.seed, [0, Number.MAX_SAFE_INTEGER], true);
  requireNumber("shardTokens", settings.shardTokens, [1, 2 ** 29], true);
  requireNumber("partUnits", settings.partUnits, [1, 2 ** 40], true);
  requireNumber("sampleCount", settings.sampleCount, [0, 1000], true);
  requireStages(settings);
  requireDedup(settings.dedup);
  requireSources(given);
  requireRates(settings, encoder);
  return { ...settings, work: given.work ?? `${given.out.replace(/[/\\]+$/, "")}.work` };
}

function rateDefaults(encoder: CorpusEncoder | undefined): { fimRate: number; splitRate: number } {
  return { fimRate: encoder?.fim === undefined ? 0 : 0.1, splitRate: encoder?.bytesOf === undefined ? 0 : 0.1 };
}

/** What a call runs with. @throws ConfigError for an encoder that is missing or is none. */
export function requireEncoder(run: unknown): void {
  const { encoder } = isObject(run) ? (run as { encoder?: unknown }) : {};
  if (!isObject(encoder)) throw wrong("run.encoder", "an encoder: name, vocabSize and encode", show(encoder));
  requireText("run.encoder.name", encoder.name);
  requireNumber("run.encoder.vocabSize", encoder.vocabSize, [1, 2 ** 31 - 1], true);
  if (typeof encoder.encode !== "function")
    throw wrong("run.encoder.encode", "a function of a text", show(encoder.encode));
}

/** What the shards of a build depend on: they are resumed with equal ones only. */
export function fingerprintOf(settings: BuildSettings, encoder: CorpusEncoder): Readonly<Record<string, unknown>> {
  const { fimRate, splitRate } = settings;
  return { ...plainFingerprintOf(settings), fimRate, splitRate, encoder: encoder.name };
}

/** The part of it that can be told before there is an encoder. */
export function plainFingerprintOf(settings: BuildSettings): Readonly<Record<string, unknown>> {
  const { mix, shardTokens } = settings;
  const repeats = settings.sources.map(({ repeat = 1, lossWeight = 1 }) => ({ repeat, lossWeight }));
  return { ...textFingerprintOf(settings), ...JSON.parse(JSON.stringify({ mix, repeats, shardTokens })) };
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

/** Bytes: readers' own bound, that of V8's strings. */
const LONGEST_RECORD = 2 ** 29 - 25;

function dropUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

function requireStages({
  normalize,
  language,
  filters,
}: Pick<BuildSettings, "normalize" | "language" | "filters">): void {
  requireSwitch("normalize", normalize);
  requireSwitch("language", language);
  requireKnown("filters", filters, KEYS.filters);
  for (const [name, choice] of Object.entries(filters))
    if (choice !== undefined) requireSwitch(`filters.${name}`, choice);
}

function requireSources({ sources, mix }: BuildConfig): void {
  if (!Array.isArray(sources) || sources.length === 0) throw wrong("sources", "at least one source", show(sources));
  const names = sources.map((source: BuildSource, i) => {
    requireSource(`sources[${i}]`, source);
    if (mix !== undefined && source.repeat !== undefined)
      throw wrong(`sources[${i}].repeat`, "none beside mix", show(source.repeat));
    return source.name;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong("sources", "names that differ", `two named ${show(twice)}`);
  requireMix(mix, names);
}

function requireSource(operand: string, source: BuildSource): void {
  requireKnown(operand, source, KEYS.source);
  requireText(`${operand}.name`, source.name);
  requirePaths(`${operand}.paths`, source.paths);
  for (const [key, value] of Object.entries(dropUndefined(source))) {
    const at = `${operand}.${key}`;
    if (["format", "textKey", "separator", "encoding", "language"].includes(key)) requireText(at, value);
    if (key === "quotes") requireBoolean(at, value);
    if (key === "maxRecordBytes") requireNumber(at, value, [1, LONGEST_RECORD], true);
    if (key === "repeat") requireNumber(at, value, [0, 1000]);
    if (key === "lossWeight") requireNumber(at, value, [0, 1e6]);
  }
}

function requireDedup(dedup: BuildDedup): void {
  requireKnown("dedup", dedup, KEYS.dedup);
  const { memoryLimit, ...choices } = dedup;
  if (memoryLimit !== undefined) requireNumber("dedup.memoryLimit", memoryLimit, [2 ** 20, Number.MAX_SAFE_INTEGER]);
  for (const mode of ["exact", "minHash"] as const) {
    const choice = choices[mode];
    if (choice !== undefined) requireSwitch(`dedup.${mode}`, choice);
    if (choice === undefined || typeof choice === "boolean") continue;
    if ("mode" in choice) throw wrong(`dedup.${mode}`, "options without mode", show(choice));
    resolveDedupOptions(`${OP}, dedup.${mode}`, { mode, ...choice });
  }
}

/** What mixing cannot check before anything was read. */
function requireMix(mix: BuildConfig["mix"], names: readonly string[]): void {
  if (mix === undefined) return;
  requireKnown("mix", mix, KEYS.mix);
  const { weights, temperature, total, maxEpochs, replay } = mix;
  if (temperature !== undefined) requireNumber("mix.temperature", temperature, [Number.MIN_VALUE, Infinity]);
  if (total !== undefined) requireNumber("mix.total", total, [1, Number.MAX_SAFE_INTEGER]);
  if (maxEpochs !== undefined) requireNumber("mix.maxEpochs", maxEpochs, [1, Number.MAX_SAFE_INTEGER]);
  if (weights !== undefined) requireWeights(weights, names);
  const shares = { weights, temperature, total };
  const given = Object.entries(shares).find(([, value]) => value !== undefined)?.[0];
  if (weights !== undefined && temperature !== undefined) throw wrong("mix", "weights or temperature", "both");
  if (replay === undefined) return;
  requireKnown("mix.replay", replay, KEYS.replay);
  if (given !== undefined) throw wrong("mix.replay", "neither weights, temperature nor total beside it", given);
  if (names.length !== 2) throw wrong("mix.replay", "two sources", String(names.length));
  if (!names.includes(replay.source))
    throw wrong(
      "mix.replay.source",
      "the name of a source",
      show(replay.source),
      didYouMean(String(replay.source), names),
    );
  if (!(typeof replay.ratio === "number" && replay.ratio >= 0 && replay.ratio < 1))
    throw new OutOfRangeError({
      op: OP,
      operand: "mix.replay.ratio",
      expected: "a number in [0, 1)",
      actual: show(replay.ratio),
    });
}

function requireWeights(weights: NonNullable<BuildMix["weights"]>, names: readonly string[]): void {
  if (!isObject(weights)) throw wrong("mix.weights", "an object of weights by source", show(weights));
  for (const [name, weight] of Object.entries(weights)) {
    if (!names.includes(name)) throw wrong("mix.weights", "names of sources", show(name), didYouMean(name, names));
    requireNumber(`mix.weights.${name}`, weight, [0, Number.MAX_VALUE]);
  }
  const missing = names.find((name) => !Object.hasOwn(weights, name));
  if (missing !== undefined) throw wrong("mix.weights", "a weight of every source", `none of ${show(missing)}`);
  if (!Object.values(weights).some((weight) => weight > 0)) throw wrong("mix.weights", "one above 0", "none");
}

function requireRates(
  { fimRate, splitRate }: Pick<BuildSettings, "fimRate" | "splitRate">,
  encoder: CorpusEncoder | undefined,
): void {
  requireNumber("fimRate", fimRate, [0, 1]);
  requireNumber("splitRate", splitRate, [0, 1]);
  if (encoder === undefined) return;
  if (fimRate > 0 && encoder.fim === undefined)
    throw wrong("fimRate", "0: the encoder has no ids for it", String(fimRate), "Train a tokenizer with such tokens.");
  if (splitRate > 0 && encoder.bytesOf === undefined)
    throw wrong("splitRate", "0: the encoder gives no bytes of its tokens", String(splitRate));
}
