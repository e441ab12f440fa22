import { expectNear, useTestGpu } from "@ds3/testing";
import { afterEach, describe, expect, test, vi } from "vitest";
import { cast } from "./cast.ts";
import type { FlashShape } from "./flash-attention-plan.ts";
import { Gpu } from "./gpu.ts";
import { type KernelRequest, kernelClass } from "./kernel-request.ts";
import { parseKernelTable, serializeKernelTable } from "./kernel-table.ts";
import { createTrial } from "./kernel-trial.ts";
import { matmul } from "./matmul.ts";
import { defaultVariant, MATMUL_VARIANTS, type MatmulRequest, type MatmulVariantSpec } from "./matmul-variants.ts";
import { kernelTableFrom, type TunedClass, type TuneOptions, tuneKernels } from "./tune-kernels.ts";

const device = useTestGpu();
const product: MatmulRequest = {
  ...{ layout: "nt", grouped: "none", M: 40, N: 72, K: 56, batch: 1, dtypeA: "f32", dtypeB: "f32" },
};
const matmulOf = (change: Partial<MatmulRequest> = {}): KernelRequest => ({ op: "matmul", ...product, ...change });
const flash: FlashShape = {
  ...{ B: 2, T: 20, S: 20, N: 2, headDimQk: 8, headDimV: 8, scale: 0.2, keyOffset: 0, documents: false },
};

async function tuned(requests: readonly KernelRequest[], options: TuneOptions = {}): Promise<TunedClass[]> {
  const all: TunedClass[] = [];
  for await (const one of tuneKernels(device.gpu, requests, { windows: 2, windowMs: 1, ...options })) all.push(one);
  return all;
}

/** A clock that dispatches move: as many milliseconds as `costOf` says for a kernel. */
function clockBy(costOf: (label: string) => number): () => number {
  let time = 0;
  const dispatch = Gpu.prototype.dispatch;
  vi.spyOn(Gpu.prototype, "dispatch").mockImplementation(function (this: Gpu, ...parameters) {
    time += costOf(parameters[0].label);
    return dispatch.apply(this, parameters);
  });
  return () => time;
}

/** A variant for the length of a test, whose kernel is another's. */
function register(spec: Partial<MatmulVariantSpec> & Pick<MatmulVariantSpec, "id">): void {
  const standard = defaultVariant(device.gpu.target, product)!;
  const whole = { ...standard, cost: () => Number.POSITIVE_INFINITY, ...spec };
  (MATMUL_VARIANTS as MatmulVariantSpec[]).push(whole);
  added.push(whole);
}
const added: MatmulVariantSpec[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const spec of added.splice(0)) (MATMUL_VARIANTS as MatmulVariantSpec[]).splice(MATMUL_VARIANTS.indexOf(spec), 1);
});

/** The default's kernel under another label. */
function relabelled(label: string): MatmulVariantSpec["build"] {
  return (target, request) => {
    const variant = defaultVariant(target, product)!.build(target, request);
    return { ...variant, kernel: { ...variant.kernel, label } };
  };
}

describe("every variant that this adapter can run", () => {
  const requests: [string, KernelRequest][] = [
    ["nn", matmulOf({ layout: "nn" })],
    ["batched tn", matmulOf({ batch: 3, layout: "tn", M: 7, N: 129, K: 127 })],
    ["one row", matmulOf({ M: 1 })],
    ["experts by rows", matmulOf({ grouped: "rows", groups: 5, M: 133 })],
    ["experts by k", matmulOf({ grouped: "k", groups: 5, K: 133, layout: "tn" })],
    ...(["flash-forward", "flash-query-grad", "flash-key-grad"] as const).map((op): [string, KernelRequest] => [
      op,
      { op, ...flash },
    ]),
    ["documents", { op: "flash-key-grad", ...flash, documents: true }],
  ];
  test.each(requests)("%s: the same result", async (_, request) => {
    using _scope = device.gpu.scope();
    const { ids } = createTrial(device.gpu, request);
    const all = await tuned([request]);
    // Without subgroups attention has one kernel: nothing to choose.
    expect(all.length).toBe(ids.length > 1 ? 1 : 0);
    const variants = all.flatMap((one) => one.variants);
    expect(variants.map(({ id }) => id)).toEqual(ids.length > 1 ? ids : []);
    for (const { id, refused } of variants) expect(refused, id).toBeUndefined();
  });

  test.each(["f32", "f16"] as const)("a trial computes the product of its operands, in %s", async (dtypeA) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const trial = createTrial(gpu, matmulOf({ dtypeA, K: 57 }));
    trial.encode(trial.ids[0]!);
    const [a, b] = trial.operands.map((tensor) => cast(tensor, "f32").reshape(tensor.shape.slice(1)));
    const want = Float64Array.from(await matmul(a!, b!, { layout: "nt" }).data());
    expectNear("product", await trial.results[0]!.data(), want, [want.length], 3e-6);
  });
});

describe("the choice", () => {
  test("is the fastest with the default's result, when it saves enough; the table has it", async () => {
    register({ id: "quick", build: relabelled("quick") });
    register({ id: "wrong", build: (target, request) => wrongResult(relabelled("wrong")(target, request)) });
    const clock = clockBy((label) => ({ quick: 0.5, wrong: 0.1 })[label] ?? 1);
    const [one] = await tuned([matmulOf()], { clock });
    const [standard] = one!.variants;
    expect(one!.best).toBe("quick");
    expect(standard).toMatchObject({ id: defaultVariant(device.gpu.target, product)!.id, gain: 0 });
    const found = (id: string) => one!.variants.find((variant) => variant.id === id)!;
    expect(found("quick").gain).toBeCloseTo(0.5, 6);
    expect(found("wrong").refused).toMatch(/^differs from the default by/);
    const table = kernelTableFrom(device.gpu, [one!]);
    expect(table).toMatchObject({ adapter: device.gpu.adapter.name, entries: { [kernelClass(matmulOf())]: "quick" } });
    expect(parseKernelTable(serializeKernelTable(table))).toEqual(table);
  });

  test("stays with the default below the least gain: it has no entry", async () => {
    register({ id: "quick", build: relabelled("quick") });
    const clock = clockBy((label) => (label === "quick" ? 0.98 : 1));
    const [one] = await tuned([matmulOf()], { clock });
    expect(one!.best).toBe(one!.variants[0]!.id);
    expect(kernelTableFrom(device.gpu, [one!]).entries).toEqual({});
    const [eager] = await tuned([matmulOf()], { clock, minGain: 0.01 });
    expect(eager!.best).toBe("quick");
  });

  test("has to be confirmed: one that was quick only at first is not taken", async () => {
    register({ id: "quick", build: relabelled("quick") });
    let runs = 0;
    const clock = clockBy((label) => (label === "quick" ? (++runs > 5 ? 1.2 : 0.5) : 1));
    const [one] = await tuned([matmulOf()], { clock });
    expect(runs).toBe(7);
    expect(one!.best).toBe(one!.variants[0]!.id);
  });
});

describe("the order of work", () => {
  test("heaviest class first, by flops times how often; one shape stands for a class", async () => {
    const small = matmulOf({ M: 9, N: 9, K: 9 });
    const requests = [...new Array<KernelRequest>(1000).fill(small), matmulOf(), matmulOf({ N: 70 }), matmulOf()];
    const all = await tuned(requests);
    expect(all.map(({ request }) => request)).toEqual([small, matmulOf()]);
    expect(all.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(all[0]!.share).toBeGreaterThan(all[1]!.share);
  });

  test("a budget that is spent, a signal and empty products leave the rest out; memory is given back", async () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    expect(await tuned([matmulOf()], { budgetSeconds: 0 })).toEqual([]);
    expect(await tuned([matmulOf()], { signal: AbortSignal.abort() })).toEqual([]);
    expect(await tuned([matmulOf({ K: 0 })])).toEqual([]);
    const controller = new AbortController();
    const clock = clockBy(() => {
      controller.abort();
      return 1;
    });
    expect(await tuned([matmulOf()], { signal: controller.signal, clock })).toEqual([]);
    for await (const _ of tuneKernels(gpu, [matmulOf(), matmulOf({ M: 99 })], { windows: 1 })) break;
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a kernel's first run is reported once, and what is slow everywhere is not tried for ever", async () => {
    register({ id: "slow", build: relabelled("slow") });
    const clock = clockBy((label) => (label === "slow" ? 9 : 1));
    const all = await tuned(
      [8, 16, 32, 64, 128].map((M) => matmulOf({ M })),
      { clock },
    );
    const slow = all.map(({ variants }) => variants.find(({ id }) => id === "slow"));
    expect(slow.map((one) => one !== undefined)).toEqual([true, true, true, false, false]);
    expect(slow.map((one) => one?.firstRunMs !== undefined)).toEqual([true, false, false, false, false]);
  });
});

/** The same kernel with its result doubled, by its text: what a bug in a variant looks like. */
function wrongResult(variant: ReturnType<MatmulVariantSpec["build"]>): ReturnType<MatmulVariantSpec["build"]> {
  const wgsl = variant.kernel.wgsl.replaceAll("u.alpha", "(2.0 * u.alpha)");
  expect(wgsl).not.toBe(variant.kernel.wgsl);
  return { ...variant, kernel: { ...variant.kernel, wgsl } };
}
