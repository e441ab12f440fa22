import { philoxRef } from "./philox.ref.ts";

/** As the op's options, with every filter named; topK = V, topP = 1 and minP = 0 keep everything. */
export interface SampleRowsRefOptions {
  readonly vocabSize: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly seed: number;
  readonly step: number;
  readonly streams: ArrayLike<number>;
}

/** What a row gives. `margin`: how far the uniform number is from one at which another id would have been drawn. */
export interface SampledRowRef {
  readonly id: number;
  readonly logProb: number;
  readonly margin: number;
}

/**
 * Sampling in f64, by sorting: logits [B, V] -> one id a row. Temperature, then top-k, top-p, min-p, each on the
 * renormalised probabilities that the one before left; what ties with the last id kept is kept. The id is the first one,
 * in the order of ids, whose cumulative probability exceeds the row's uniform number.
 */
export function sampleRowsRef(logits: Float64Array, options: SampleRowsRefOptions): SampledRowRef[] {
  return Array.from(options.streams, (stream, b) => {
    const row = logits.subarray(b * options.vocabSize, (b + 1) * options.vocabSize);
    return sampleRow(row, uniformOf(stream, options), options);
  });
}

/** The ids of a row [V] that the filters keep, as ones and zeros. */
export function keptIdsRef(row: Float64Array, options: Omit<SampleRowsRefOptions, "streams">): Uint8Array {
  const { temperature, topK, topP, minP } = options;
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]!);
  const keepFrom = (ids: readonly number[], count: number): number[] =>
    ids.filter((id, i) => i < count || row[id] === row[ids[count - 1]!]);
  const ofTopK = keepFrom(order, topK);
  let masses = softmax(ofTopK.map((id) => row[id]! / temperature));
  let mass = 0;
  const reached = masses.findIndex((p) => {
    mass += p;
    return mass >= topP;
  });
  const ofTopP = topP < 1 ? keepFrom(ofTopK, reached < 0 ? ofTopK.length : reached + 1) : ofTopK;
  masses = softmax(ofTopP.map((id) => row[id]! / temperature));
  const kept = new Uint8Array(row.length);
  for (const [i, id] of ofTopP.entries()) if (masses[i]! >= minP * masses[0]!) kept[id] = 1;
  return kept;
}

function sampleRow(row: Float64Array, uniform: number, options: SampleRowsRefOptions): SampledRowRef {
  const greedy = options.temperature === 0;
  const scaled = row.map((logit) => logit / (greedy ? 1 : options.temperature));
  const probabilities = softmax(scaled);
  const finish = (id: number, margin: number): SampledRowRef => ({ id, logProb: logSoftmax(scaled, id), margin });
  if (greedy) return finish(row.indexOf(row.reduce((a, b) => Math.max(a, b))), 1);
  const kept = keptIdsRef(row, options);
  const total = probabilities.reduce((sum, p, id) => sum + p * kept[id]!, 0);
  let below = 0;
  for (const [id, p] of probabilities.entries()) {
    const above = below + (p * kept[id]!) / total;
    if (above > uniform) return finish(id, Math.min(uniform - below, above - uniform));
    below = above;
  }
  // Rounding left the whole mass below the uniform number: the last id that is kept.
  return finish(kept.lastIndexOf(1), 0);
}

function uniformOf(stream: number, { seed, step }: SampleRowsRefOptions): number {
  const [word] = philoxRef([step, stream, 1, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]);
  return Math.floor(word! / 256) / 2 ** 24;
}

function softmax(x: ArrayLike<number>): number[] {
  const values = Array.from(x);
  const max = values.reduce((a, b) => Math.max(a, b));
  const total = values.reduce((sum, v) => sum + Math.exp(v - max), 0);
  return values.map((v) => Math.exp(v - max) / total);
}

function logSoftmax(x: Float64Array, id: number): number {
  const max = x.reduce((a, b) => Math.max(a, b));
  return x[id]! - max - Math.log(x.reduce((sum, v) => sum + Math.exp(v - max), 0));
}
