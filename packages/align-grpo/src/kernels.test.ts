/** Kernels in all their variants. A new `*.wgsl.ts` file needs a line below. */
import type { Gpu, KernelTarget } from "@ds3/tensor";
import { type KernelSpec, normals, testKernels } from "@ds3/testing";
import { bradleyTerryLoss } from "./bradley-terry-loss.ts";
import { bradleyTerryWgsl } from "./bradley-terry-loss.wgsl.ts";
import { grpoLoss } from "./grpo-loss.ts";
import { grpoFiguresWgsl, grpoLossWgsl, scaleStoredWgsl } from "./grpo-loss.wgsl.ts";

const variants: KernelSpec["variants"] = {
  "bradley-terry-loss.wgsl.ts": (team) => [bradleyTerryWgsl(team)],
  "grpo-loss.wgsl.ts": (team) => [grpoLossWgsl(team), grpoFiguresWgsl(team), scaleStoredWgsl(team)],
};

testKernels({ folder: import.meta.dirname, variants, numbers: losses, tolerance: 1e-5 });

/** Both losses with their gradients, with the kernels for `target`; sizes miss every team. */
async function losses(gpu: Gpu, target: KernelTarget): Promise<Record<string, Float32Array>> {
  const as = Object.defineProperty(gpu.fork(), "target", { value: target });
  using _scope = as.scope();
  using tape = as.tape();
  const [R, low] = [1300, 0.2];
  const logProbs = tape.watch(as.tensor(normals(R, 1)));
  const grpo = grpoLoss(logProbs, {
    starts: Int32Array.of(0, 3, 3, 1100, R),
    advantages: [1, 2, -1, -0.5],
    oldLogProbs: Float32Array.from(normals(R, 1), (value, i) => value + (i % 7) / 10),
    referenceLogProbs: Float32Array.from(normals(R, 1), (value, i) => value + (i % 5) / 10),
    ...{ loss: "grpo", beta: 0.3, epsilonLow: low },
  });
  const scores = tape.watch(as.tensor(normals(130, 2)));
  const preference = bradleyTerryLoss(
    scores,
    Uint32Array.from({ length: 130 }, (_, i) => i),
  );
  const ones = as.full([1], 1);
  tape.backwardFrom([
    [grpo.loss, ones],
    [preference.loss, ones],
  ]);
  return {
    loss: await grpo.loss.data(),
    kl: await grpo.kl.data(),
    meanKl: await grpo.meanKl.data(),
    gradient: await tape.gradient(logProbs)!.data(),
    preference: await preference.loss.data(),
    margin: await preference.margin.data(),
    "gradient of scores": await tape.gradient(scores)!.data(),
  };
}
