/** Kernels in all their variants. A new `*.wgsl.ts` file needs a line below. */
import type { Gpu, KernelTarget } from "@ds3/tensor";
import { type KernelSpec, normals, testKernels } from "@ds3/testing";
import { dpoLoss } from "./dpo-loss.ts";
import { dpoLossWgsl, rankPairsWgsl, scaleGradientsWgsl } from "./dpo-loss.wgsl.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import { spreadToSequencesWgsl, sumSequencesWgsl } from "./sum-sequences.wgsl.ts";
import type { DpoLossName } from "./types.ts";

const variants: KernelSpec["variants"] = {
  "dpo-loss.wgsl.ts": (team) => [
    ...dpoLossNames.map((loss) => dpoLossWgsl({ team, loss })),
    ...(["aot", "aot_unpaired"] as const).map(rankPairsWgsl),
    scaleGradientsWgsl(),
  ],
  "sum-sequences.wgsl.ts": (team) => [sumSequencesWgsl(team), spreadToSequencesWgsl(team.size)],
};

testKernels({
  folder: import.meta.dirname,
  variants,
  included: ["pair-losses.wgsl.ts"],
  numbers: losses,
  tolerance: 2e-6,
});

/** All losses of 67 pairs of 1 to 5 tokens, with the kernels for `target`. */
async function losses(gpu: Gpu, target: KernelTarget): Promise<Record<string, Float32Array>> {
  const all: Record<string, Float32Array> = {};
  for (const loss of dpoLossNames) {
    for (const [name, values] of Object.entries(await lossAndGradient(gpu, target, loss)))
      all[`${name} of ${loss}`] = values;
  }
  return all;
}

async function lossAndGradient(
  gpu: Gpu,
  target: KernelTarget,
  loss: DpoLossName,
): Promise<Record<string, Float32Array>> {
  const N = 134;
  const starts = Int32Array.from({ length: N + 1 }, (_, n) => 3 * n - (n % 3));
  const as = Object.defineProperty(gpu.fork(), "target", { value: target });
  using _scope = as.scope();
  using tape = as.tape();
  const logProbs = tape.watch(as.tensor(normals(starts.at(-1)!, 1)));
  const settings = { loss, labelSmoothing: loss === "exo_pair" ? 0.1 : 0, nllWeight: 0.3 };
  const got = dpoLoss(logProbs, { ...settings, starts, referenceLogProbs: as.tensor(normals(N, 2)) });
  tape.backward(got.loss);
  return {
    loss: await got.loss.data(),
    rewards: await got.rewards.data(),
    margin: await got.margin.data(),
    nll: await got.nll.data(),
    gradient: await tape.gradient(logProbs)!.data(),
  };
}
