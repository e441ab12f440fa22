/**
 * Compiles every kernel template's variants on Dawn's null backend, which needs no GPU, and keeps the text of one
 * variant of each as a snapshot, so that a change's diff shows the shader. A new `*.wgsl.ts` file needs a line below.
 */
import { readdirSync } from "node:fs";
import { getDawn } from "@ds3/software-gpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addIntoWgsl } from "./accumulate.wgsl.ts";
import { adamwWgsl } from "./adamw.wgsl.ts";
import { argmaxRowsWgsl } from "./argmax-rows.wgsl.ts";
import { addScaledWgsl, mulWgsl, scaleWgsl } from "./arithmetic.wgsl.ts";
import { fromBf16Wgsl, toBf16Wgsl } from "./cast.wgsl.ts";
import { concatColumnsWgsl, MAX_PARTS, splitColumnsWgsl } from "./columns.wgsl.ts";
import { crossEntropyWgsl } from "./cross-entropy.wgsl.ts";
import { embeddingGradientWgsl, embeddingWgsl } from "./embedding.wgsl.ts";
import { type FlashShape, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import { fusedMatvecWgsl } from "./fused-matvec.wgsl.ts";
import { finishNormWgsl, squareSumsWgsl } from "./gradient-norm.wgsl.ts";
import { groupTableWgsl } from "./group-table.wgsl.ts";
import type { Kernel } from "./kernel.ts";
import { matmulPanelWgsl, matmulTiledWgsl } from "./matmul.wgsl.ts";
import { matvecNnWgsl, matvecNtWgsl } from "./matvec.wgsl.ts";
import { randomNormalWgsl, randomWordsWgsl } from "./philox.wgsl.ts";
import { rmsNormInputGradientWgsl, rmsNormWeightGradientWgsl, rmsNormWgsl, sumRowsWgsl } from "./rms-norm.wgsl.ts";
import { rotaryWgsl } from "./rotary.wgsl.ts";
import type { MapParams, RowTeamParams } from "./row-kernel.ts";
import { sampleRowsWgsl } from "./sample-rows.wgsl.ts";
import { swigluGradientWgsl, swigluWgsl } from "./swiglu.wgsl.ts";
import { type KernelTarget, teamOf } from "./target.ts";
import { tokenLogProbsGradientWgsl, tokenLogProbsWgsl } from "./token-log-probs.wgsl.ts";

/** Software adapters with AVX2, with SSE, without subgroups; other adapters. The first one gives the snapshots. */
const targets: readonly KernelTarget[] = [
  { software: true, subgroupSize: 8 },
  { software: true, subgroupSize: 4 },
  { software: true, subgroupSize: 0 },
  { software: false, subgroupSize: 32 },
];
const flags = [false, true];
const layouts = ["nn", "nt", "tn"] as const;
const flashShape: FlashShape = {
  ...{ B: 1, T: 64, S: 64, N: 2, headDimQk: 48, headDimV: 32 },
  ...{ scale: 1, keyOffset: 0, documents: true },
};

const software = targets.filter(({ software, subgroupSize }) => software && subgroupSize > 0);
const portable: KernelTarget = { software: false, subgroupSize: 32 };
const flashBackward = (target: KernelTarget): Kernel[] =>
  planFlashBackward(target, flashShape).map(({ kernel }) => kernel);
const flashForward = (target: KernelTarget): Kernel => planFlashForward(target, flashShape).kernel;
const perTeam = (...templates: ((params: RowTeamParams) => Kernel)[]): Kernel[] =>
  templates.flatMap((template) =>
    flags.flatMap((accumulate) => targets.map((target) => template({ team: teamOf(target), accumulate }))),
  );
const perLanes = (...templates: ((params: MapParams) => Kernel)[]): Kernel[] =>
  templates.flatMap((template) =>
    flags.flatMap((accumulate) => targets.map((target) => template({ lanes: teamOf(target).size, accumulate }))),
  );
const parts = Array.from({ length: MAX_PARTS }, (_, i) => i + 1);
const panel = { lanes: 8, columnsPerLane: 2, depth: 32 };

const variants: Readonly<Record<string, () => Kernel[]>> = {
  "accumulate.wgsl.ts": () => perLanes(addIntoWgsl),
  "adamw.wgsl.ts": () => [adamwWgsl("f32"), adamwWgsl("bf16")],
  "argmax-rows.wgsl.ts": () => perTeam(argmaxRowsWgsl),
  "arithmetic.wgsl.ts": () => perLanes(addScaledWgsl, mulWgsl, scaleWgsl),
  "cast.wgsl.ts": () => perLanes(toBf16Wgsl, fromBf16Wgsl),
  "columns.wgsl.ts": () =>
    parts.flatMap((count) =>
      [splitColumnsWgsl, concatColumnsWgsl].flatMap((of) => perLanes((p) => of({ ...p, parts: count }))),
    ),
  "cross-entropy.wgsl.ts": () => perTeam(crossEntropyWgsl),
  "embedding.wgsl.ts": () => perLanes(embeddingWgsl, embeddingGradientWgsl),
  "flash-attention-backward.wgsl.ts": () => software.flatMap((target) => flashBackward(target).slice(1)),
  "flash-attention-forward.wgsl.ts": () => software.map(flashForward),
  "flash-attention-portable.wgsl.ts": () => [flashForward(portable), ...flashBackward(portable).slice(1)],
  "flash-attention-row-terms.wgsl.ts": () => targets.map((target) => flashBackward(target)[0]!),
  "gradient-norm.wgsl.ts": () =>
    perTeam(
      ({ team }) => squareSumsWgsl(team),
      ({ team }) => finishNormWgsl(team),
    ),
  "group-table.wgsl.ts": () => [groupTableWgsl()],
  "matmul.wgsl.ts": () =>
    layouts.flatMap((layout) => [
      matmulTiledWgsl({ layout }),
      ...flags.map((subgroups) => matmulPanelWgsl({ layout, subgroups, ...panel })),
    ]),
  "fused-matvec.wgsl.ts": () =>
    targets.flatMap((target) =>
      flags.flatMap((norm) =>
        (["none", "swiglu", "add"] as const).flatMap((epilogue) =>
          flags.map((long) => fusedMatvecWgsl({ team: teamOf(target), norm, epilogue, long })),
        ),
      ),
    ),
  "matvec.wgsl.ts": () => [...perTeam(({ team }) => matvecNtWgsl(team)), matvecNnWgsl(8, 4), matvecNnWgsl(64, 1)],
  "philox.wgsl.ts": () => [randomWordsWgsl(), randomNormalWgsl()],
  "rms-norm.wgsl.ts": () => [
    ...perTeam(rmsNormWgsl, rmsNormInputGradientWgsl),
    ...perLanes(rmsNormWeightGradientWgsl, sumRowsWgsl),
  ],
  "rotary.wgsl.ts": () => perLanes(rotaryWgsl),
  "sample-rows.wgsl.ts": () => perTeam(sampleRowsWgsl),
  "swiglu.wgsl.ts": () => perLanes(swigluWgsl, swigluGradientWgsl),
  "token-log-probs.wgsl.ts": () => [...perTeam(tokenLogProbsWgsl), ...perLanes(tokenLogProbsGradientWgsl)],
};

/** Files whose own tests hold the snapshots. */
const ELSEWHERE = /^(adamw|flash-attention|gradient-norm|group-table|matmul|matvec|philox)/;

test("every template file has its variants here", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".wgsl.ts"));
  expect(Object.keys(variants).sort()).toEqual(files.sort());
});

describe("on the null backend", () => {
  const holder: { device?: GPUDevice } = {};
  beforeAll(async () => {
    const adapter = await getDawn(["backend=null"]).requestAdapter();
    holder.device = await adapter!.requestDevice({ requiredFeatures: ["subgroups"] });
  });
  afterAll(() => holder.device?.destroy());

  test.each(Object.keys(variants))("%s compiles", async (file) => {
    const device = holder.device!;
    for (const { label, wgsl } of uniqueByLabel(variants[file]!())) {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ label, code: wgsl });
      device.createComputePipeline({ label, layout: "auto", compute: { module } });
      expect((await device.popErrorScope())?.message ?? "valid", label).toBe("valid");
    }
  });
});

test.each(Object.keys(variants).filter((file) => !ELSEWHERE.test(file)))("the text of %s", (file) => {
  // The first variant of each template: 8 lanes, overwriting; of the column kernels those with one part.
  const first = new Map<string, Kernel>();
  for (const kernel of variants[file]!()) {
    const name = kernel.label.split(" lanes=")[0]!.replace(/parts=[^1].*/, "parts=1");
    if (!first.has(name)) first.set(name, kernel);
  }
  for (const [name, { wgsl }] of first) expect(wgsl).toMatchSnapshot(name);
});

/** One kernel for each label; two texts under one label would share a pipeline. */
function uniqueByLabel(kernels: readonly Kernel[]): Kernel[] {
  const byLabel = new Map<string, Kernel>();
  for (const kernel of kernels) {
    const known = byLabel.get(kernel.label);
    if (known) expect(kernel.wgsl, `text of ${kernel.label}`).toBe(known.wgsl);
    byLabel.set(kernel.label, kernel);
  }
  return [...byLabel.values()];
}
