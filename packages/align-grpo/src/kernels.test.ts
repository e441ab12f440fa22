/**
 * Compiles every kernel template's variants, keeps the text of one variant of each as a snapshot, so that a change's diff
 * shows the shader, and runs the losses with the variants of other adapters. A new `*.wgsl.ts` file needs a line below.
 */
import { readdirSync } from "node:fs";
import { type Gpu, type Kernel, type KernelTarget, type Team, teamOf } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { bradleyTerryLoss } from "./bradley-terry-loss.ts";
import { bradleyTerryWgsl } from "./bradley-terry-loss.wgsl.ts";
import { grpoLoss } from "./grpo-loss.ts";
import { grpoFiguresWgsl, grpoLossWgsl, scaleStoredWgsl } from "./grpo-loss.wgsl.ts";

/** Software adapters with AVX2, with SSE, without subgroups; other adapters. The first one gives the snapshots. */
const targets: readonly KernelTarget[] = [
  { software: true, subgroupSize: 8 },
  { software: true, subgroupSize: 4 },
  { software: true, subgroupSize: 0 },
  { software: false, subgroupSize: 32 },
];

const variants: Readonly<Record<string, (team: Team) => Kernel[]>> = {
  "bradley-terry-loss.wgsl.ts": (team) => [bradleyTerryWgsl(team)],
  "grpo-loss.wgsl.ts": (team) => [grpoLossWgsl(team), grpoFiguresWgsl(team), scaleStoredWgsl(team)],
};

test("every template is listed", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".wgsl.ts"));
  expect(Object.keys(variants).sort()).toEqual(files.sort());
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
    const want = await losses(gpu, gpu.target);
    for (const target of [targets[2]!, targets[3]!]) {
      const got = await losses(gpu, target);
      for (const [name, values] of Object.entries(want)) {
        expectNear(`${name}, ${JSON.stringify(target)}`, got[name]!, values, [values.length], 1e-5);
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

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
