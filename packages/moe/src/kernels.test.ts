/**
 * Compiles every kernel template's variants, keeps the text of one variant of each as a snapshot, so that a change's diff
 * shows the shader, and runs the layer with the variants of other adapters. A new `*.wgsl.ts` file needs a line below.
 */
import { readdirSync } from "node:fs";
import { Arena, fillNormal, type Gpu, type Kernel, type KernelTarget, type Team, teamOf } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { balanceLossBackwardWgsl, expertSharesWgsl, normaliseScoresWgsl, scaledSumWgsl } from "./balance-loss.wgsl.ts";
import { combineBackwardWgsl, sumRowsWgsl } from "./combine.wgsl.ts";
import { createMoe, type MoeParameters } from "./create-moe.ts";
import { copyRowsWgsl } from "./dispatch.wgsl.ts";
import { moeParameterSpecs, moeStateSpecs } from "./parameter-specs.ts";
import { countBlocksWgsl, placeSlotsWgsl, scanBlocksWgsl } from "./plan-dispatch.wgsl.ts";
import { routeBackwardWgsl, routeWgsl } from "./route.wgsl.ts";
import { accumulateLoadWgsl, updateBiasWgsl } from "./update-bias.wgsl.ts";

/** Software adapters with AVX2, with SSE, without subgroups; other adapters. The first one gives the snapshots. */
const targets: readonly KernelTarget[] = [
  { software: true, subgroupSize: 8 },
  { software: true, subgroupSize: 4 },
  { software: true, subgroupSize: 0 },
  { software: false, subgroupSize: 32 },
];
const [K, E] = [2, 8];
const rows = [true, false].map((vectors) => ({ vectors, K }));
const blocks = [
  { lanes: 8, block: 64, E },
  { lanes: 256, block: 256, E },
];

const variants: Readonly<Record<string, (team: Team) => Kernel[]>> = {
  "balance-loss.wgsl.ts": (team) => [
    normaliseScoresWgsl({ team, E, K }),
    expertSharesWgsl(team),
    scaledSumWgsl(team),
    balanceLossBackwardWgsl(team),
  ],
  "combine.wgsl.ts": (team) =>
    rows.flatMap(({ vectors }) => [sumRowsWgsl({ team, vectors, K }), combineBackwardWgsl({ team, vectors })]),
  "dispatch.wgsl.ts": (team) => rows.map((params) => copyRowsWgsl({ team, ...params })),
  "plan-dispatch.wgsl.ts": () =>
    blocks.flatMap((params) => [
      countBlocksWgsl(params),
      scanBlocksWgsl({ lanes: params.lanes, E }),
      placeSlotsWgsl(params),
    ]),
  "route.wgsl.ts": (team) => [...[1, 4, E].map((nGroup) => routeWgsl({ team, E, K, nGroup })), routeBackwardWgsl(team)],
  "update-bias.wgsl.ts": () => [updateBiasWgsl(), accumulateLoadWgsl()],
};
/** WGSL functions that other templates include; no kernels of their own. */
const INCLUDED = ["selection.wgsl.ts"];

test("every template is listed", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".wgsl.ts"));
  expect([...Object.keys(variants), ...INCLUDED].sort()).toEqual(files.sort());
});

test.each(Object.keys(variants))("the text of %s", (file) => {
  for (const { label, wgsl } of variants[file]!(teamOf(targets[0]!))) expect(wgsl).toMatchSnapshot(label);
});

describe("on a device", () => {
  const holder = useTestGpu();

  test.each(Object.keys(variants))("%s compiles", async (file) => {
    const { device } = holder.gpu;
    const usable = targets.map(teamOf).filter(({ subgroup }) => !subgroup || device.features.has("subgroups"));
    const texts = new Map<string, string>();
    for (const { label, wgsl } of usable.flatMap(variants[file]!)) {
      expect(texts.get(label) ?? wgsl, `one text for ${label}`).toBe(wgsl);
      texts.set(label, wgsl);
    }
    for (const [label, code] of texts) {
      device.pushErrorScope("validation");
      device.createComputePipeline({ label, layout: "auto", compute: { module: device.createShaderModule({ code }) } });
      expect((await device.popErrorScope())?.message ?? "valid", label).toBe("valid");
    }
  });

  test("the variants for other adapters give the same numbers", async () => {
    const { gpu } = holder;
    const before = gpu.stats.liveBuffers;
    const want = await trainingStep(gpu, gpu.target);
    for (const target of [targets[2]!, targets[3]!]) {
      const got = await trainingStep(gpu, target);
      for (const [name, values] of Object.entries(want)) {
        expectNear(`${name}, ${JSON.stringify(target)}`, got[name]!, values, [values.length], 1e-5);
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });
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
