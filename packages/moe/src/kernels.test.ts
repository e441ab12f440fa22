/** Kernels in all their variants. A new `*.wgsl.ts` file needs a line below. */
import { Arena, fillNormal, type Gpu, type KernelTarget } from "@ds3/tensor";
import { type KernelSpec, normals, testKernels } from "@ds3/testing";
import { balanceLossBackwardWgsl, expertSharesWgsl, normaliseScoresWgsl, scaledSumWgsl } from "./balance-loss.wgsl.ts";
import { combineBackwardWgsl, sumRowsWgsl } from "./combine.wgsl.ts";
import { createMoe, type MoeParameters } from "./create-moe.ts";
import { decodeDownWgsl, decodeGateUpWgsl } from "./decode-experts.wgsl.ts";
import { decodeFeedForwardWgsl } from "./decode-feed-forward.wgsl.ts";
import { decodeRouteWgsl } from "./decode-route.wgsl.ts";
import { copyRowsWgsl } from "./dispatch.wgsl.ts";
import { moeParameterSpecs, moeStateSpecs } from "./parameter-specs.ts";
import { countBlocksWgsl, placeSlotsWgsl, planAloneWgsl, scanBlocksWgsl } from "./plan-dispatch.wgsl.ts";
import { routeBackwardWgsl, routeWgsl } from "./route.wgsl.ts";
import { accumulateLoadWgsl, updateBiasWgsl } from "./update-bias.wgsl.ts";

const [K, E] = [2, 8];
const rows = [true, false].map((vectors) => ({ vectors, K }));
const blocks = [
  { lanes: 8, block: 64, E },
  { lanes: 256, block: 256, E },
];

const variants: KernelSpec["variants"] = {
  "balance-loss.wgsl.ts": (team) => [
    normaliseScoresWgsl({ team, E, K }),
    expertSharesWgsl(team),
    scaledSumWgsl(team),
    balanceLossBackwardWgsl(team),
  ],
  "combine.wgsl.ts": (team) =>
    [{}, { bf16: true }].flatMap((stored) =>
      rows.flatMap(({ vectors }) => [
        sumRowsWgsl({ team, vectors, K, ...stored }),
        combineBackwardWgsl({ team, vectors, ...stored }),
      ]),
    ),
  "decode-experts.wgsl.ts": (team) =>
    [true, false].flatMap((shared) => [decodeGateUpWgsl({ team, shared }), decodeDownWgsl({ team, shared })]),
  "decode-feed-forward.wgsl.ts": (team) =>
    [{}, { router: { E, K, nGroup: 4 } }].map((more) =>
      decodeFeedForwardWgsl({ team, D: 16, hiddenWidth: 24, widest: 8, ...more }),
    ),
  "decode-route.wgsl.ts": (team) => [decodeRouteWgsl({ team, E, K, nGroup: 4 })],
  "dispatch.wgsl.ts": (team) => rows.map((params) => copyRowsWgsl({ team, ...params })),
  "plan-dispatch.wgsl.ts": () =>
    blocks.flatMap((params) => [
      countBlocksWgsl(params),
      scanBlocksWgsl({ lanes: params.lanes, E }),
      placeSlotsWgsl(params),
      ...[true, false].map((counts) => planAloneWgsl({ lanes: 8, E, counts })),
    ]),
  "route.wgsl.ts": (team) => [...[1, 4, E].map((nGroup) => routeWgsl({ team, E, K, nGroup })), routeBackwardWgsl(team)],
  "update-bias.wgsl.ts": () => [updateBiasWgsl(), accumulateLoadWgsl()],
};

testKernels({
  folder: import.meta.dirname,
  variants,
  included: ["selection.wgsl.ts"],
  numbers: trainingStep,
  tolerance: 1e-5,
});

/** One forward and backward of a layer whose every size misses vectors and blocks, with the kernels for `target`. */
async function trainingStep(gpu: Gpu, target: KernelTarget): Promise<Record<string, ArrayLike<number>>> {
  const config = {
    ...{ hiddenSize: 36, moeIntermediateSize: 10, nSharedExperts: 1, nRoutedExperts: 70, numExpertsPerTok: 5 },
    ...{ nGroup: 7, topkGroup: 3, normTopkProb: true, routedScalingFactor: 2.5 },
  };
  const as = Object.defineProperty(gpu.fork(), "target", { value: target });
  using _scope = as.scope();
  using tape = as.tape();
  const arena = new Arena(as, moeParameterSpecs(config));
  for (const [stream, values] of [...arena.parameters.values()].entries()) fillNormal(values, 0.3, { seed: 1, stream });
  const states = moeStateSpecs(config).map(({ name, shape, dtype }) => [name, as.zeros(shape, dtype)] as const);
  const parameters = Object.fromEntries([...arena.parameters, ...states]) as unknown as MoeParameters;
  const moe = createMoe(as, config, parameters, { balanceLossWeight: 10 });
  const x = tape.watch(as.tensor(normals(3 * 67 * 36, 2), [3, 67, 36]));
  const { y, balanceLoss } = moe(x, { training: true });
  const seeds = [as.tensor(normals(y.size, 3), y.shape), as.full([], 1)] as const;
  tape.backwardFrom([
    [y, seeds[0]],
    [balanceLoss!, seeds[1]],
  ]);
  const load = await parameters.load.data<"u32">();
  moe.updateBias(0.5);
  return {
    y: await y.data(),
    balanceLoss: await balanceLoss!.data(),
    load,
    bias: await parameters.bias.data(),
    "gradient of x": await tape.gradient(x)!.data(),
    "gradient of gate": await parameters.gate.grad!.data(),
    "gradient of expertsGateUp": await parameters.expertsGateUp.grad!.data(),
    "gradient of expertsDown": await parameters.expertsDown.grad!.data(),
  };
}
