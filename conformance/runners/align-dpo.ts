import { type DpoLossName, dpoLoss, dpoLossNames, sumSequences } from "@ds3/align-dpo";
import type { Gpu, Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { Results, type TopicRunner } from "../topic.ts";
import { numberOf } from "./camel-keys.ts";

/** Losses that take the fixture's label smoothing; the fixture's `conservative` is `sigmoid` with it. */
const SMOOTHED: readonly string[] = ["conservative", "robust", "exo_pair", "aot", "aot_unpaired"];

/**
 * Preference losses of [2 pairs, tokens] masked log-probs, in ragged form and back, the pairs once in the fixture's order
 * and once with their sequences reversed. @throws Error for a loss that the package does not know.
 */
export const runDpo: TopicRunner = async ({ meta, tensors }, open) => {
  const fixture = tensors();
  const gpu = await open();
  const results = new Results();
  const names = fixture.names.flatMap((name) => /^loss\.(.+)$/.exec(name)?.[1] ?? []);
  const settings = { beta: numberOf(meta.config, "beta"), labelSmoothing: numberOf(meta.config, "label_smoothing") };
  for (const isReversed of [false, true]) {
    using _scope = gpu.scope("dpo");
    const batch = raggedBatch(fixture, numberOf(meta.config, "tokens"), isReversed);
    for (const name of names) addLoss(results, gpu, batch, name, settings);
  }
  return results.collect();
};

/** The fixture's completion tokens, one sequence after the other. */
interface RaggedBatch {
  readonly via: string;
  /** Flat index into [rows x tokens] of each. */
  readonly kept: readonly number[];
  readonly size: number;
  readonly starts: Int32Array;
  /** Which sequence each of the fixture's rows became. */
  readonly sequences: Int32Array;
  readonly policy: Float32Array;
  readonly reference: Float32Array;
}

function raggedBatch(fixture: Fixture, tokens: number, isReversed: boolean): RaggedBatch {
  const mask = fixture.i32("completion_mask");
  const rows = mask.length / (tokens + 1);
  const sequences = Int32Array.from({ length: rows }, (_, row) => (isReversed ? rows - 1 - row : row));
  const kept: number[] = [];
  const starts = new Int32Array(rows + 1);
  // Reversing is its own inverse: sequence n holds row sequences[n].
  for (const [n, row] of sequences.entries()) {
    // The log-prob at t is of token t + 1.
    for (let t = 0; t < tokens; t++) if (mask[row * (tokens + 1) + t + 1] !== 0) kept.push(row * tokens + t);
    starts[n + 1] = kept.length;
  }
  const ragged = (name: string): Float32Array => Float32Array.from(kept, (i) => fixture.f64(name)[i]!);
  const via = isReversed ? "sequences reversed" : "dpoLoss";
  const logProbs = { policy: ragged("policy_logps"), reference: ragged("reference_logps") };
  return { via, kept, size: rows * tokens, starts, sequences, ...logProbs };
}

function addLoss(
  results: Results,
  gpu: Gpu,
  batch: RaggedBatch,
  name: string,
  settings: { readonly beta: number; readonly labelSmoothing: number },
): void {
  const { via, starts, sequences } = batch;
  const referenceSums = sumSequences(gpu.tensor(batch.reference), starts);
  const reference = inRows(batch, referenceSums);
  results.add("sequence_reference", via, reference);
  const options = { loss: lossNamed(name), beta: settings.beta, starts, sequences };
  const labelSmoothing = SMOOTHED.includes(name) ? settings.labelSmoothing : 0;
  using tape = gpu.tape();
  const logProbs = tape.watch(gpu.tensor(batch.policy));
  const output = dpoLoss(logProbs, { ...options, labelSmoothing, referenceLogProbs: reordered(batch, referenceSums) });
  tape.backward(output.loss);
  results.add(`loss.${name}`, via, output.loss.data());
  results.add(`grad.${name}`, via, padded(batch, tape.gradient(logProbs)!.data()));
  results.add("sequence_policy", via, inRows(batch, output.sequenceLogProbs));
  results.add("rewards", via, output.rewards.data());
}

/** The package's name of the fixture's loss. */
function lossNamed(name: string): DpoLossName {
  const own = name === "conservative" ? "sigmoid" : name;
  const known = dpoLossNames.find((loss) => loss === own);
  if (known !== undefined) return known;
  throw new Error(`loss "${name}" is not one of @ds3/align-dpo's: ${dpoLossNames.join(", ")}`);
}

/** Sums of sequences in the order of the fixture's rows, on the GPU. */
function reordered({ sequences }: RaggedBatch, sums: Tensor): Tensor {
  const rows = sums.gpu.empty([sequences.length], "f32", "reference in rows");
  for (const [row, n] of sequences.entries()) sums.gpu.copy(sums.slice(n, n + 1), rows, 4 * row);
  return rows;
}

/** The same, read back. */
async function inRows({ sequences }: RaggedBatch, sums: Tensor): Promise<Float32Array> {
  const data = await sums.data();
  return Float32Array.from(sequences, (n) => data[n]!);
}

/** Values of completion tokens in [rows x tokens], 0 elsewhere. */
async function padded({ kept, size }: RaggedBatch, values: Promise<Float32Array>): Promise<Float32Array> {
  const data = await values;
  const rows = new Float32Array(size);
  for (const [i, at] of kept.entries()) rows[at] = data[i]!;
  return rows;
}
