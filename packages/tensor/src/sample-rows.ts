import { OutOfRangeError } from "@ds3/errors";
import { dims } from "./dims.ts";
import { assertDtype } from "./gpu.ts";
import { uploadIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows } from "./row-kernel.ts";
import { sampleRowsWgsl } from "./sample-rows.wgsl.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";
import { inverseTemperature } from "./token-log-probs.ts";

/** Largest V: counts of ids up to here are exact in f32. */
const MAX_V = 2 ** 24;
/** Below every log of a ratio of f32 numbers that are not 0. */
const NO_BAR = -1e38;

const kernelOf = cachedTemplate(sampleRowsWgsl);

/** How ids are drawn, and with which random numbers. Filters work in the order temperature, topK, topP, minP. */
export interface SampleRowsOptions {
  /** Divides the logits: 0 or more, finite. Default 1. 0 takes the most likely id, the smallest one on ties. */
  readonly temperature?: number;
  /** Keeps the topK most likely ids, and those that tie with the last of them: an integer >= 1. Default: all. */
  readonly topK?: number;
  /**
   * Keeps the fewest most likely ids whose mass, among the ids that topK left, reaches topP, and those that tie with the
   * last of them: 0 < topP <= 1. Default 1.
   */
  readonly topP?: number;
  /** Keeps the ids with at least minP times the largest probability: 0 to 1. Default 0. */
  readonly minP?: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** Which draw of a sequence: an integer in [0, 2^32), e.g. the position. */
  readonly step: number;
  /** Which sequence each row belongs to: [B], each >= 0. A row's draw depends on seed, step and its stream alone. */
  readonly streams: Int32Array;
}

/** What `sampleRows` draws. */
export interface SampledRows {
  /** [B] u32. */
  readonly ids: Tensor;
  /**
   * [B] nats: log softmax(logits / temperature) of the drawn id among all ids, before any filter; temperature 0 counts
   * as 1.
   */
  readonly logProbs: Tensor;
}

/**
 * Draws one id from each row of logits [B, V] f32, in one dispatch and without reading back. No gradient.
 *
 * The uniform number of row b is Philox 4x32-10 of (step, streams[b]) under the seed: equal on every adapter. Ids whose
 * logit is -infinity are never drawn. A row that holds NaN or +infinity, or nothing but -infinity, gives id 0 with
 * log-probability NaN.
 *
 * @throws ShapeError, DtypeError; OutOfRangeError for an option out of range, or unless 1 <= V <= 2^24.
 */
export function sampleRows(logits: Tensor, options: SampleRowsOptions): SampledRows {
  assertDtype("sampleRows", "logits", logits, "f32");
  const { B, V } = dims(
    "sampleRows",
    { streams: "B", logits: "B V" },
    { streams: { shape: [options.streams.length] }, logits },
  );
  assertRange("V", V, V >= 1 && V <= MAX_V, `1 to ${MAX_V}`);
  const uniforms = { ...uniformsOf(options, V), V };
  const { gpu } = logits;
  const limit = { limit: 2 ** 31, limitName: "2^31" };
  const streams = uploadIds(gpu, options.streams, [B], { op: "sampleRows", operand: "streams", ...limit });
  const ids = gpu.empty([B], "u32", "sampled ids");
  const logProbs = gpu.empty([B], "f32", "sampled log-probs");
  const operands = { logits, streams, ids, logProbs };
  dispatchRows(gpu, kernelOf({ team: teamOf(gpu.target) }), operands, uniforms, { rows: B, columns: V });
  return { ids, logProbs };
}

function uniformsOf(options: SampleRowsOptions, V: number): Record<string, number> {
  const { temperature = 1, topK = V, topP = 1, minP = 0, seed, step } = options;
  assertRange(
    "temperature",
    temperature,
    temperature >= 0 && temperature < Number.POSITIVE_INFINITY,
    ">= 0 and finite",
  );
  assertRange("topK", topK, Number.isInteger(topK) && topK >= 1, "an integer >= 1");
  assertRange("topP", topP, topP > 0 && topP <= 1, "0 < topP <= 1");
  assertRange("minP", minP, minP >= 0 && minP <= 1, "0 <= minP <= 1");
  assertRange("seed", seed, isIndex(seed, 2 ** 53), "an integer in [0, 2^53)");
  assertRange("step", step, isIndex(step, 2 ** 32), "an integer in [0, 2^32)");
  const greedy = temperature === 0;
  return {
    inverse: greedy ? 1 : inverseTemperature(temperature),
    greedy: greedy ? 1 : 0,
    // 0 and 1 switch the passes off: a filter that keeps everything, and all of them for the most likely id.
    topK: greedy || topK >= V ? 0 : topK,
    topP: greedy ? 1 : topP,
    lowest: minP > 0 ? Math.log(minP) : NO_BAR,
    ...{ step, seedLow: seed % 2 ** 32, seedHigh: Math.floor(seed / 2 ** 32) },
  };
}

function isIndex(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

function assertRange(operand: string, value: number, holds: boolean, expected: string): void {
  if (!holds) throw new OutOfRangeError({ op: "sampleRows", operand, expected, actual: `${value}` });
}
