/**
 * Compiles every kernel template's variants, keeps the text of one variant of each as a snapshot, so that a change's diff
 * shows the shader, and runs the loss with the variants of other adapters. A new `*.wgsl.ts` file needs a line below.
 */
import { readdirSync } from "node:fs";
import { type Gpu, type Kernel, type KernelTarget, type Team, teamOf } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { dpoLoss } from "./dpo-loss.ts";
import { dpoLossWgsl, rankPairsWgsl, scaleGradientsWgsl } from "./dpo-loss.wgsl.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import { spreadToSequencesWgsl, sumSequencesWgsl } from "./sum-sequences.wgsl.ts";

/** Software adapters with AVX2, with SSE, without subgroups; other adapters. The first one gives the snapshots. */
const targets: readonly KernelTarget[] = [
  { software: true, subgroupSize: 8 },
  { software: true, subgroupSize: 4 },
  { software: true, subgroupSize: 0 },
  { software: false, subgroupSize: 32 },
];

const variants: Readonly<Record<string, (team: Team) => Kernel[]>> = {
  "dpo-loss.wgsl.ts": (team) => [
    ...dpoLossNames.map((loss) => dpoLossWgsl({ team, loss })),
    ...(["aot", "aot_unpaired"] as const).map(rankPairsWgsl),
    scaleGradientsWgsl(),
  ],
  "sum-sequences.wgsl.ts": (team) => [sumSequencesWgsl(team), spreadToSequencesWgsl(team.size)],
};
/** WGSL that other templates include; no kernels of their own. */
const INCLUDED = ["pair-losses.wgsl.ts"];

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
    for (const loss of dpoLossNames) {
      const want = await lossAndGradient(gpu, gpu.target, loss);
      for (const target of [targets[2]!, targets[3]!]) {
        const got = await lossAndGradient(gpu, target, loss);
        for (const [name, values] of Object.entries(want)) {
          expectNear(`${name} of ${loss}, ${JSON.stringify(target)}`, got[name]!, values, [values.length], 2e-6);
        }
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

/** 67 pairs of 1 to 5 tokens, with the kernels for `target`. */
async function lossAndGradient(
  gpu: Gpu,
  target: KernelTarget,
  loss: (typeof dpoLossNames)[number],
): Promise<Record<string, Float32Array>> {
  const N = 134;
  const starts = Int32Array.from({ length: N + 1 }, (_, n) => 3 * n - (n % 3));
  const as = Object.defineProperty(gpu.fork(), "target", { value: target });
  using _scope = as.scope();
  using tape = as.tape();
  const logProbs = tape.watch(as.tensor(normals(starts.at(-1)!, 1)));
  const labelSmoothing = loss === "exo_pair" ? 0.1 : 0;
  const got = dpoLoss(logProbs, { loss, labelSmoothing, starts, referenceLogProbs: as.tensor(normals(N, 2)) });
  tape.backward(got.loss);
  return {
    loss: await got.loss.data(),
    rewards: await got.rewards.data(),
    margin: await got.margin.data(),
    gradient: await tape.gradient(logProbs)!.data(),
  };
}
