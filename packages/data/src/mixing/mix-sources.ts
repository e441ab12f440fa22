/**
 * Mixing sources by weight: which share each has of what a model learns from, whatever their sizes.
 *
 * Shares are given, or follow from the sizes by a temperature, p_i ~ n_i^(1/T) (as for languages in Conneau and Lample 2019,
 * arXiv 1901.07291, section 3.1, with alpha = 1/T). They are kept by reading some sources several times, up to a stated cap,
 * or, for a mix of a given size, only in part. At any time of the mix the shares hold up to one document of each source.
 */
import { ConfigError, didYouMean, OutOfRangeError } from "@ds3/errors";
import { EmptyDataError } from "../empty-data-error.ts";
import { type OptionRules, requireOptions } from "../require-options.ts";
import { isObject, requireObject, shown } from "../require-value.ts";
import type { Mix, MixBaseOptions, MixDocument, MixSource } from "./mix-types.ts";
import { startMix } from "./mixer.ts";
import { planEpochs, type SourcePlan, temperatureWeights } from "./plan-epochs.ts";

const OP = "mixSources";

/** The options that all mixes have; numbers are checked by their ranges. */
export const BASE_RULES: OptionRules<MixBaseOptions> = {
  seed: "any",
  maxEpochs: "any",
  measure: "function",
  cursor: "any",
};
const RULES: OptionRules<MixOptions> = { ...BASE_RULES, weights: "any", temperature: "any", total: "any" };

/** Options of `mixSources`. */
export interface MixOptions<D extends MixDocument = MixDocument> extends MixBaseOptions<D> {
  /** Share of each source by name, at least 0, of any sum; 0 leaves a source out. Not with `temperature`. */
  readonly weights?: Readonly<Record<string, number>>;
  /** T in p_i ~ n_i^(1/T), above 0: 1 leaves shares as the sizes are, Infinity makes them equal. Default 1. */
  readonly temperature?: number;
  /**
   * Sum of measures of the whole mix; what a source capped by `maxEpochs` lacks, the others give. Default: the least mix in
   * which each source is whole, where a capped source stays below its weight.
   */
  readonly total?: number;
}

/**
 * Interleave documents of named sources so that their shares follow weights.
 *
 * Without `weights`, `temperature` and `total` each document comes once. A whole epoch has each document once; of a part of
 * an epoch, documents are drawn evenly over the source. The mix follows from seed, sources and options; from a cursor on it
 * is the same. Memory: one document a source. Cost: sources without `size` are read once before.
 * @throws ConfigError for sources that are none, an unknown option, weights beside a temperature, for names that differ from the sources', or a name that comes twice;
 * OutOfRangeError for a number that is none or a cursor of another mix; EmptyDataError for no source, no weight, or a source
 * with a weight and no documents.
 */
export function mixSources<D extends MixDocument>(
  sources: readonly MixSource<D>[],
  options: MixOptions<D>,
): Promise<Mix<D>> {
  return start(sources, options);
}

/** Checks within the promise: a caller that awaits has one way of failing. */
async function start<D extends MixDocument>(sources: readonly MixSource<D>[], options: MixOptions<D>): Promise<Mix<D>> {
  requireSources(OP, sources);
  requireOptions<MixOptions<D>>(OP, options, RULES);
  const { weights, temperature = 1, total, maxEpochs = 4 } = options;
  requireNumbers(OP, options, sources);
  if (weights !== undefined) requireWeights(weights, options, sources);
  const plan = (sizes: readonly number[]): SourcePlan[] => {
    const shares = weights
      ? normalize(sources.map(({ name }) => weights[name]!))
      : temperatureWeights(sizes, temperature);
    if (shares.every((share) => share === 0)) throw nothing("sources", "documents", "none");
    return planEpochs(sizes, shares, { maxEpochs, total });
  };
  return startMix(sources, plan, { ...options, op: OP, isLeftOut: (name) => weights?.[name] === 0 });
}

/** @throws EmptyDataError without a source; ConfigError for what is no source, and for a name that comes twice. */
export function requireSources(op: string, sources: readonly MixSource[]): void {
  if (!Array.isArray(sources))
    throw new ConfigError({ op, operand: "sources", expected: "an array of sources", actual: shown(sources) });
  if (sources.length === 0) throw nothing("sources", "at least one source", "none");
  for (const [i, source] of sources.entries()) requireSource(op, `sources[${i}]`, source);
  const names = sources.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new ConfigError({ op, operand: "sources", expected: "names that differ", actual: `two named "${twice}"` });
}

/** @throws ConfigError for what is no source. */
export function requireSource(op: string, operand: string, source: unknown): void {
  requireObject(op, operand, source);
  const { name, documents } = source as Record<keyof MixSource, unknown>;
  if (typeof name !== "string")
    throw new ConfigError({ op, operand: `${operand}.name`, expected: "a string", actual: shown(name) });
  if (Array.isArray(documents) || typeof documents === "function") return;
  const expected = "an array of documents, or a function that begins to read them";
  const actual = isObject(documents) ? "an object" : shown(documents);
  throw new ConfigError({ op, operand: `${operand}.documents`, expected, actual });
}

/** @throws OutOfRangeError for a number of the options, or a size, that is none. */
export function requireNumbers(
  op: string,
  options: Pick<MixOptions, "seed" | "maxEpochs" | "total" | "temperature">,
  sources: readonly { readonly name: string; readonly size?: number }[],
): void {
  const { seed, maxEpochs = 4, total = 1, temperature = 1 } = options;
  const isAmount = (value: number): boolean => Number.isFinite(value) && value >= 0;
  const isNumber = (value: number): boolean => typeof value === "number";
  const checks: [string, number, boolean, string][] = [
    ["seed", seed, Number.isSafeInteger(seed) && seed >= 0, "an integer in [0, 2^53)"],
    ["maxEpochs", maxEpochs, isNumber(maxEpochs) && maxEpochs >= 1, "a number of at least 1"],
    ["total", total, isAmount(total) && total > 0, "a finite number > 0"],
    ["temperature", temperature, isNumber(temperature) && temperature > 0, "a number > 0"],
    ...sources.map(({ name, size = 0 }): [string, number, boolean, string] => {
      return [`size of source "${name}"`, size, isAmount(size), "a finite number >= 0"];
    }),
  ];
  for (const [operand, value, isFine, expected] of checks) {
    if (!isFine) throw new OutOfRangeError({ op, operand, expected, actual: `${value}` });
  }
}

function requireWeights(
  weights: Readonly<Record<string, number>>,
  { temperature }: Pick<MixOptions, "temperature">,
  sources: readonly { readonly name: string }[],
): void {
  if (temperature !== undefined) {
    throw new ConfigError({ op: OP, operand: "weights", expected: "either weights or temperature", actual: "both" });
  }
  requireObject(OP, "weights", weights);
  const names = sources.map(({ name }) => name);
  const unknown = Object.keys(weights).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const details = { operand: "weights", expected: "names of sources", actual: `"${unknown}"` };
    throw new ConfigError({ op: OP, ...details, hint: didYouMean(unknown, names) });
  }
  for (const name of names) {
    const operand = `weights["${name}"]`;
    const weight = Object.hasOwn(weights, name) ? weights[name]! : undefined;
    if (weight === undefined) {
      const hint = "Give every source a weight, 0 to leave it out.";
      throw new ConfigError({ op: OP, operand, expected: "a weight", actual: "none", hint });
    }
    if (Number.isFinite(weight) && weight >= 0) continue;
    throw new OutOfRangeError({ op: OP, operand, expected: "a finite number >= 0", actual: `${weight}` });
  }
  if (names.every((name) => weights[name] === 0)) throw nothing("weights", "one above 0", "zeros");
}

function normalize(weights: readonly number[]): number[] {
  const largest = Math.max(...weights);
  const sum = weights.reduce((total, weight) => total + weight / largest, 0);
  return weights.map((weight) => weight / largest / sum);
}

function nothing(operand: string, expected: string, actual: string): EmptyDataError {
  return new EmptyDataError({ op: OP, operand, expected, actual });
}
