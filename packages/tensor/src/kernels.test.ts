/**
 * Compiles every kernel template's variants on Dawn's null backend, which needs no GPU, and keeps the text of one
 * variant of each as a snapshot, so that a change's diff shows the shader. A new `*.wgsl.ts` file needs a line below.
 */
import { readdirSync } from "node:fs";
import {
  expectCompiling,
  expectQuickRehearsal,
  KERNEL_TARGETS,
  uniqueByLabel,
  useNullDevice,
  useTestGpu,
} from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { addIntoWgsl } from "./accumulate.wgsl.ts";
import { adamwWgsl } from "./adamw.wgsl.ts";
import { argmaxRowsWgsl } from "./argmax-rows.wgsl.ts";
import { addScaledWgsl, mulWgsl, scaleWgsl } from "./arithmetic.wgsl.ts";
import { arithmeticPeakWgsl } from "./arithmetic-peak.wgsl.ts";
import { fromHalfWgsl, toHalfWgsl } from "./cast.wgsl.ts";
import { concatColumnsWgsl, MAX_PARTS, splitColumnsWgsl } from "./columns.wgsl.ts";
import { crossEntropyWgsl } from "./cross-entropy.wgsl.ts";
import { embeddingGradientWgsl, embeddingWgsl } from "./embedding.wgsl.ts";
import { type FlashShape, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import { fusedMatvecWgsl } from "./fused-matvec.wgsl.ts";
import { finishNormWgsl, squareSumsWgsl } from "./gradient-norm.wgsl.ts";
import { groupTableWgsl } from "./group-table.wgsl.ts";
import type { Kernel } from "./kernel.ts";
import { foldLogitsWgsl } from "./linear-cross-entropy.wgsl.ts";
import { MATMUL_VARIANTS } from "./matmul-variants.ts";
import { matvecNnWgsl, matvecNtWgsl } from "./matvec.wgsl.ts";
import { randomNormalWgsl, randomWordsWgsl } from "./philox.wgsl.ts";
import { rmsNormGradientWgsl, rmsNormWgsl } from "./rms-norm.wgsl.ts";
import { rotaryWgsl } from "./rotary.wgsl.ts";
import { lanesOf, type MapParams, type RowTeamParams } from "./row-kernel.ts";
import { sampleRowsWgsl } from "./sample-rows.wgsl.ts";
import { splitRmsNormGradientWgsl, splitRmsNormWgsl } from "./split-rms-norm.wgsl.ts";
import { sumRowsWgsl } from "./sum-rows.wgsl.ts";
import { swigluGradientWgsl, swigluWgsl } from "./swiglu.wgsl.ts";
import { type KernelTarget, teamOf } from "./target.ts";
import { tokenLogProbsGradientWgsl, tokenLogProbsWgsl } from "./token-log-probs.wgsl.ts";

/** The first one gives the snapshots. */
const targets = Object.values(KERNEL_TARGETS);
const flags = [false, true];
const layouts = ["nn", "nt", "tn"] as const;
const flashShape: FlashShape = {
  ...{ B: 1, T: 64, S: 64, N: 2, headDimQk: 48, headDimV: 32 },
  ...{ scale: 1, keyOffset: 0, documents: true },
};

const software = targets.filter(({ software, subgroupSize }) => software && subgroupSize > 0);
const hardware = targets.filter(({ software }) => !software);
const flashBackward = (target: KernelTarget): Kernel[] =>
  planFlashBackward(target, flashShape).map(({ kernel }) => kernel);
const flashForward = (target: KernelTarget): Kernel => planFlashForward(target, flashShape).kernel;
const perTeam = (...templates: ((params: RowTeamParams) => Kernel)[]): Kernel[] =>
  templates.flatMap((template) =>
    flags.flatMap((accumulate) => targets.map((target) => template({ team: teamOf(target), accumulate }))),
  );
const perLanes = (...templates: ((params: MapParams) => Kernel)[]): Kernel[] =>
  templates.flatMap((template) =>
    flags.flatMap((accumulate) => targets.map((target) => template({ lanes: lanesOf(target), accumulate }))),
  );
/** The same over scalars and over vectors. */
const perWidth = (...templates: ((params: MapParams) => Kernel)[]): Kernel[] =>
  templates.flatMap((template) => perLanes(template, (params) => template({ ...params, vectors: true })));
const parts = Array.from({ length: MAX_PARTS }, (_, i) => i + 1);
/** Layouts with the groups that they come in. */
const products = [
  ...layouts.map((layout) => ({ layout, grouped: "none" }) as const),
  ...([
    { layout: "nn", grouped: "rows" },
    { layout: "nt", grouped: "rows" },
    { layout: "tn", grouped: "k" },
  ] as const),
];
const dtypes = [
  { dtypeA: "f32", dtypeB: "f32" },
  { dtypeA: "f16", dtypeB: "f16" },
  { dtypeA: "bf16", dtypeB: "bf16" },
  { dtypeA: "f32", dtypeB: "bf16" },
  { dtypeA: "f16", dtypeB: "f32" },
] as const;
/** Every kernel of the registered variants whose id starts so, for every target. */
const registered = (...prefixes: readonly string[]): Kernel[] => {
  const sizes = { M: 64, N: 64, K: 64, batch: 1 };
  const requests = products.flatMap((product) =>
    dtypes.flatMap((types) => flags.map((aligned) => ({ ...product, ...types, ...sizes, aligned }))),
  );
  return targets.flatMap((target) =>
    MATMUL_VARIANTS.filter(
      (spec) => prefixes.some((prefix) => spec.id.startsWith(prefix)) && spec.runsOn(target),
    ).flatMap((spec) =>
      requests.filter((request) => spec.serves(request)).map((request) => spec.build(target, request).kernel),
    ),
  );
};

const variants: Readonly<Record<string, () => Kernel[]>> = {
  "accumulate.wgsl.ts": () => perWidth(addIntoWgsl),
  "adamw.wgsl.ts": () => [adamwWgsl("f32"), adamwWgsl("bf16")],
  "argmax-rows.wgsl.ts": () => perTeam(argmaxRowsWgsl),
  "arithmetic-peak.wgsl.ts": () => [8, 64].map(arithmeticPeakWgsl),
  "arithmetic.wgsl.ts": () => perWidth(addScaledWgsl, mulWgsl, scaleWgsl),
  "cast.wgsl.ts": () =>
    (["bf16", "f16"] as const).flatMap((dtype) =>
      targets.flatMap((target) => {
        const params = { dtype, lanes: lanesOf(target) };
        return [toHalfWgsl(params), toHalfWgsl({ ...params, scaled: true }), fromHalfWgsl(params)];
      }),
    ),
  "columns.wgsl.ts": () =>
    parts.flatMap((count) =>
      [splitColumnsWgsl, concatColumnsWgsl].flatMap((of) => perLanes((p) => of({ ...p, parts: count }))),
    ),
  "cross-entropy.wgsl.ts": () =>
    flags.flatMap((weighted) => targets.map((target) => crossEntropyWgsl({ team: teamOf(target), weighted }))),
  "embedding.wgsl.ts": () => perLanes(embeddingWgsl, embeddingGradientWgsl),
  "flash-attention-backward.wgsl.ts": () => software.flatMap((target) => flashBackward(target).slice(1)),
  "flash-attention-forward.wgsl.ts": () => software.map(flashForward),
  "flash-attention-portable.wgsl.ts": () =>
    hardware.flatMap((target) => [flashForward(target), ...flashBackward(target).slice(1)]),
  "flash-attention-row-terms.wgsl.ts": () => targets.map((target) => flashBackward(target)[0]!),
  "fused-matvec.wgsl.ts": () =>
    targets.flatMap((target) =>
      flags.flatMap((norm) =>
        (["none", "swiglu", "add"] as const).flatMap((epilogue) =>
          flags.map((long) => fusedMatvecWgsl({ team: teamOf(target), norm, epilogue, long })),
        ),
      ),
    ),
  "gradient-norm.wgsl.ts": () =>
    perTeam(
      ({ team }) => squareSumsWgsl(team),
      ({ team }) => finishNormWgsl(team),
    ),
  "group-table.wgsl.ts": () => [groupTableWgsl()],
  "linear-cross-entropy.wgsl.ts": () => perTeam(foldLogitsWgsl),
  "matmul.wgsl.ts": () => registered("panel-"),
  "matmul-subgroup-matrix.wgsl.ts": () => registered("subgroup-matrix-"),
  "matmul-tiled.wgsl.ts": () => registered("tiled-", "f16-"),
  "matvec.wgsl.ts": () => [...perTeam(({ team }) => matvecNtWgsl(team)), matvecNnWgsl(8, 4), matvecNnWgsl(64, 1)],
  "philox.wgsl.ts": () => [randomWordsWgsl(), randomNormalWgsl()],
  "rms-norm.wgsl.ts": () =>
    perTeam(
      ({ team, accumulate = false }) => rmsNormWgsl({ team, adds: accumulate, vectors: accumulate }),
      ({ team, accumulate = false }) => rmsNormWgsl({ team, adds: !accumulate, vectors: accumulate }),
      ...(["none", "dx", "dsum"] as const).map(
        (base) =>
          ({ team, accumulate = false }: RowTeamParams) =>
            rmsNormGradientWgsl({ team, base, vectors: accumulate }),
      ),
    ),
  "rotary.wgsl.ts": () => perLanes(rotaryWgsl),
  "sample-rows.wgsl.ts": () => perTeam(sampleRowsWgsl),
  "split-rms-norm.wgsl.ts": () =>
    [
      [true, true, false],
      [false, true, false],
    ].flatMap((normed) =>
      perTeam(
        ({ team, accumulate = false }) => splitRmsNormWgsl({ team, normed, vectors: accumulate }),
        (params) => splitRmsNormGradientWgsl({ ...params, normed, vectors: false }),
        (params) => splitRmsNormGradientWgsl({ ...params, normed, vectors: true }),
      ),
    ),
  "sum-rows.wgsl.ts": () =>
    targets.flatMap((target) =>
      [[false], [true], [true, false]].map((accumulate) => sumRowsWgsl({ lanes: lanesOf(target), accumulate })),
    ),
  "swiglu.wgsl.ts": () => perWidth(swigluWgsl, swigluGradientWgsl),
  "token-log-probs.wgsl.ts": () => [
    ...perTeam(tokenLogProbsWgsl),
    ...perWidth(tokenLogProbsGradientWgsl),
    ...perWidth((params) => tokenLogProbsGradientWgsl({ ...params, weighted: true })),
  ],
};

/** Files whose own tests hold the snapshots. */
const ELSEWHERE = /^(adamw|flash-attention|gradient-norm|group-table|matmul|matvec|philox)/;

test("every template file has its variants here", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".wgsl.ts"));
  expect(Object.keys(variants).sort()).toEqual(files.sort());
});

describe("on the null backend", () => {
  const holder = useNullDevice();

  test.each(Object.keys(variants))("%s compiles for every target", { timeout: 60_000 }, async (file) => {
    await expectCompiling(holder.device, variants[file]!());
  });
});

describe("with zero uniforms, on a device", () => {
  const device = useTestGpu();

  // No adapter at hand has subgroup matrices: their kernel ends at once in its own test, where it runs emulated.
  const files = Object.keys(variants).filter((file) => file !== "matmul-subgroup-matrix.wgsl.ts");

  test.each(files)("%s ends at once", { timeout: 240_000 }, async (file) => {
    // Three of the file: compiling all of them would take minutes.
    const kernels = uniqueByLabel(variants[file]!());
    const some = kernels.filter((_, i) => i % Math.ceil(kernels.length / 3) === 0);
    await expectQuickRehearsal(device.gpu, some);
  });
});

test.each(Object.keys(variants).filter((file) => !ELSEWHERE.test(file)))("the text of %s", (file) => {
  // The first variant of each template: 8 lanes, overwriting; of the column kernels those with one part.
  const first = new Map<string, Kernel>();
  for (const kernel of variants[file]!()) {
    const name = kernel.label.split(/ (?:lanes|team)=/)[0]!.replace(/parts=[^1].*/, "parts=1");
    if (!first.has(name)) first.set(name, kernel);
  }
  for (const [name, { wgsl }] of first) expect(wgsl).toMatchSnapshot(name);
});
