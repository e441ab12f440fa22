import { type GrpoLossName, type GrpoLossOptions, groupAdvantages, grpoLoss } from "@ds3/align-grpo";
import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { Results, type TopicRunner } from "../topic.ts";

/** GRPO's advantages, losses and gradients: [rows, tokens] with a mask, as the fixture stores them, to ragged and back. */
export const runGrpo: TopicRunner = async (fixture, open) => {
  const gpu = await open();
  const tensors = fixture.tensors();
  const results = new Results();
  const batch = readBatch(fixture.meta.config as Record<string, number>, tensors);
  addAdvantages(results, batch);
  const names = tensors.names.flatMap((name) => /^loss\.(.+)$/.exec(name)?.[1] ?? []);
  for (const [i, name] of names.entries()) addLoss(results, gpu, batch, name, i === 0);
  return results.collect();
};

interface RaggedBatch {
  /** Flat [rows x tokens] index of each completion token. */
  readonly kept: readonly number[];
  /** rows x tokens */
  readonly size: number;
  readonly groupSize: number;
  readonly rewards: Float64Array;
  readonly policy: Float32Array;
  readonly options: Omit<GrpoLossOptions, "loss">;
}

function readBatch(config: Record<string, number>, fixture: Fixture): RaggedBatch {
  const { generations, tokens, epsilon_low, epsilon_high, beta } = config as Record<string, number>;
  const mask = fixture.i32("completion_mask");
  const rewards = fixture.f64("rewards");
  const kept = [...mask.keys()].filter((i) => mask[i] !== 0);
  const ragged = (name: string): Float32Array => Float32Array.from(kept, (i) => fixture.f64(name)[i]!);
  const starts = Int32Array.from({ length: rewards.length + 1 }, (_, n) => kept.filter((i) => i < n * tokens!).length);
  const options = {
    ...{ starts, epsilonLow: epsilon_low!, epsilonHigh: epsilon_high!, beta: beta!, maxTokens: tokens! },
    advantages: groupAdvantages(rewards, generations!),
    oldLogProbs: ragged("old_logps"),
    referenceLogProbs: ragged("reference_logps"),
  };
  return { kept, size: mask.length, groupSize: generations!, rewards, policy: ragged("policy_logps"), options };
}

function addAdvantages(results: Results, { rewards, groupSize }: RaggedBatch): void {
  const forms = { advantages: "std", advantages_population_std: "populationStd", advantages_no_std: "none" } as const;
  for (const [name, scale] of Object.entries(forms)) {
    results.add(name, "groupAdvantages", groupAdvantages(rewards, groupSize, { scale }));
  }
}

/** A loss by the name that the fixture gives it; the values of each token with the first one of them. */
function addLoss(results: Results, gpu: Gpu, batch: RaggedBatch, name: string, withTokens: boolean): void {
  const suffix = "_sequence_ratio";
  const ratio = name.endsWith(suffix) ? "sequence" : "token";
  const loss = (ratio === "sequence" ? name.slice(0, -suffix.length) : name) as GrpoLossName;
  using tape = gpu.tape();
  const logProbs = tape.watch(gpu.tensor(batch.policy));
  const output = grpoLoss(logProbs, { ...batch.options, loss, ratio });
  tape.backward(output.loss);
  results.add(`loss.${name}`, "grpoLoss", output.loss.data());
  results.add(`grad.${name}`, "backward", padded(batch, tape.gradient(logProbs)!.data()));
  // bnpo's mean is over each micro-batch's own tokens: in parts it is another loss.
  if (loss !== "bnpo") addInParts(results, gpu, batch, name, { ...batch.options, loss, ratio });
  if (!withTokens) return;
  const tokens = { ratio: output.ratio, kl_k3: output.kl, surrogate: output.surrogate, clipped: output.clipped };
  for (const [of, values] of Object.entries(tokens)) results.add(of, "grpoLoss", padded(batch, values.data()));
}

/** The same loss over two micro-batches that share one step's denominators: losses add up, gradients lie side by side. */
function addInParts(results: Results, gpu: Gpu, batch: RaggedBatch, name: string, options: GrpoLossOptions): void {
  const { starts, advantages } = options;
  const N = advantages.length;
  const middle = Math.floor(N / 2);
  const denominators = { completions: N, tokens: batch.kept.length };
  const parts = [
    [0, middle],
    [middle, N],
  ].map(([from, to]) => {
    using tape = gpu.tape();
    const [first, end] = [starts[from!]!, starts[to!]!];
    const logProbs = tape.watch(gpu.tensor(batch.policy.subarray(first, end)));
    const { loss } = grpoLoss(logProbs, {
      ...options,
      starts: starts.subarray(from, to! + 1).map((start) => start - first),
      advantages: Array.from(advantages).slice(from, to),
      oldLogProbs: options.oldLogProbs.subarray(first, end),
      referenceLogProbs: options.referenceLogProbs!.subarray(first, end),
      denominators,
    });
    tape.backward(loss);
    return { loss: loss.data(), gradient: tape.gradient(logProbs)!.data() };
  });
  const sum = async (): Promise<number[]> => [(await parts[0]!.loss)[0]! + (await parts[1]!.loss)[0]!];
  const joined = async (): Promise<Float32Array> =>
    Float32Array.from([...(await parts[0]!.gradient), ...(await parts[1]!.gradient)]);
  results.add(`loss.${name}`, "two micro-batches", sum());
  results.add(`grad.${name}`, "two micro-batches", padded(batch, joined()));
}

/** Ragged values in their places, zeros outside. */
async function padded({ kept, size }: RaggedBatch, ragged: Promise<Float32Array>): Promise<Float32Array> {
  const values = await ragged;
  const all = new Float32Array(size);
  for (const [t, i] of kept.entries()) all[i] = values[t]!;
  return all;
}
