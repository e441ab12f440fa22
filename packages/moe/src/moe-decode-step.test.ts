import { DtypeError, ShapeError } from "@ds3/errors";
import { Arena, type Tensor } from "@ds3/tensor";
import { mlpRef } from "@ds3/tensor/reference";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { network, parametersOf } from "../test/random-layer.ts";
import { canMoeDecodeStep, mlpDecodeStep, moeDecodeStep } from "./moe-decode-step.ts";
import { moeRef } from "./moe-layer.ref.ts";
import type { MoeConfig } from "./types.ts";

const device = useTestGpu();
const eps = 1e-5;
const grouped: MoeConfig = {
  ...{ hiddenSize: 20, moeIntermediateSize: 8, nSharedExperts: 2, nRoutedExperts: 12, numExpertsPerTok: 3 },
  ...{ nGroup: 4, topkGroup: 2, normTopkProb: true, routedScalingFactor: 2.5 },
};
/** In groups; one group without shared experts and plain weights; wider than one stretch, more rows than a workgroup has. */
const configs: MoeConfig[] = [
  grouped,
  { ...grouped, nGroup: 1, topkGroup: 1, nSharedExperts: 0, normTopkProb: false },
  {
    ...grouped,
    hiddenSize: 268,
    moeIntermediateSize: 132,
    nSharedExperts: 3,
    nRoutedExperts: 9,
    nGroup: 1,
    topkGroup: 1,
  },
];

const cases = configs.flatMap((config, i) => [true, false].map((apart) => [i, apart, config] as const));

// With the norm among the parameters a software adapter computes the step in one dispatch, without it in three.
test.each(cases)("is x + the f64 layer of norm x (%i, norm apart %s)", async (_, apart, config) => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope();
    const { hiddenSize: D, moeIntermediateSize: F, nRoutedExperts: E, nSharedExperts } = config;
    const T = 5;
    const { gain: inArena, ...parameters } = parametersOf(gpu, config, [{ name: "gain", shape: [D], decay: false }]);
    const bias = normals(E, 60).map(Math.fround);
    gpu.write(parameters.bias, bias);
    const x = normals(T * D, 50).map(Math.fround);
    const gain = normals(D, 51).map((v) => Math.fround(1 + 0.2 * v));
    gpu.write(inArena!, gain);
    const norm = { gain: apart ? gpu.tensor(gain, [D]) : inArena!, eps };
    const dispatches = gpu.stats.dispatches;
    const y = await moeDecodeStep(gpu.tensor(x, [T, D]), config, parameters, norm).data();
    expect(gpu.stats.dispatches - dispatches).toBe(gpu.target.software && !apart ? 1 : 3);
    const weights = {
      gate: Float64Array.from(await parameters.gate.data()),
      bias,
      experts: await network(parameters, "experts", E, F * D),
      ...(nSharedExperts > 0 ? { shared: await network(parameters, "shared", 1, nSharedExperts * F * D) } : {}),
    };
    const { out } = moeRef(config, weights, normed(x, gain));
    expectNear(
      "y",
      y,
      out.map((value, i) => value + x[i]!),
      [T, D],
      2e-5,
    );
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

test.each([true, false])("a dense network: x + the f64 network of norm x (norm apart %s)", async (apart) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [T, D, F] = [3, 20, 36];
  const specs = Object.entries({ gateUp: [2 * F, D], down: [D, F], gain: [D] }).map(([name, shape]) => ({
    ...{ name, shape, decay: true },
  }));
  const arena = new Arena(gpu, specs);
  const values = Object.fromEntries(
    specs.map(({ name, shape }, i) => [
      name,
      normals(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      ).map(Math.fround),
    ]),
  );
  for (const { name } of specs) gpu.write(arena.get(name), values[name]!);
  const x = normals(T * D, 9).map(Math.fround);
  const norm = { gain: apart ? gpu.tensor(values.gain!, [D]) : arena.get("gain"), eps };
  const network = { gateUp: arena.get("gateUp"), down: arena.get("down") };
  const dispatches = gpu.stats.dispatches;
  const y = await mlpDecodeStep(gpu.tensor(x, [T, D]), network, norm).data();
  expect(gpu.stats.dispatches - dispatches).toBe(gpu.target.software && !apart ? 1 : 2);
  const [gateProj, upProj] = [values.gateUp!.subarray(0, F * D), values.gateUp!.subarray(F * D)];
  const want = mlpRef(normed(x, values.gain!), { gateProj, upProj, downProj: values.down! }, D);
  expectNear(
    "y",
    y,
    want.map((value, i) => value + x[i]!),
    [T, D],
    2e-5,
  );
});

test("says what it cannot do", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const run = (config: MoeConfig, D: number): void => {
    const norm = { gain: gpu.zeros([D]), eps };
    moeDecodeStep(gpu.zeros([1, D]), config, parametersOf(gpu, config), norm);
  };
  expect(() => run(grouped, 16)).toThrow(ShapeError);
  expect(() => run(grouped, 16)).toThrow(/moeDecodeStep: x: expected \[T, 20\], got \[1, 16\]/);
  expect(canMoeDecodeStep({ ...grouped, moeIntermediateSize: 6 })).toBe(false);
  expect(() => run({ ...grouped, moeIntermediateSize: 6 }, 20)).toThrow(/Use createMoe, which takes any sizes/);
  const short = { gain: gpu.zeros([16]), eps };
  const step = (): Tensor => moeDecodeStep(gpu.zeros([1, 20]), grouped, parametersOf(gpu, grouped), short);
  expect(step).toThrow(/moeDecodeStep: norm.gain: expected \[D=20\], got \[16\]/);
});

/** Sizes of x, gain, gateUp and down in turn, and what is said of them. */
const refused: [number[], number[], number[], number[], RegExp][] = [
  [[2, 3, 8], [8], [24, 8], [8, 12], /mlpDecodeStep: x: expected \[T, D\], got \[2, 3, 8\]/],
  [[0, 8], [8], [24, 8], [8, 12], /mlpDecodeStep: x: expected at least one row, got none/],
  [[1, 8], [12], [24, 8], [8, 12], /mlpDecodeStep: norm.gain: expected \[D=8\], got \[12\]/],
  [[1, 8], [8], [24, 12], [8, 12], /mlpDecodeStep: gateUp: expected \[rows, D=8\], got \[24, 12\]/],
  [[1, 8], [8], [24, 8], [12, 12], /mlpDecodeStep: down: expected \[D=8, F\], got \[12, 12\]/],
  [[1, 8], [8], [12, 8], [8, 12], /mlpDecodeStep: gateUp: expected 24 rows, two for each column of down, got 12/],
  [[1, 8], [8], [12, 8], [8, 6], /mlpDecodeStep: down: expected \[D, F\] of positive multiples of 4, got \[8, 6\]/],
  [[1, 6], [6], [8, 6], [6, 4], /got \[6, 4\]\. Use rmsNorm, mlp and add, which take any sizes/],
];

test.each(refused)(
  "a dense network refuses x [%s], gain [%s], gateUp [%s], down [%s]",
  (x, gain, gateUp, down, message) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const network = { gateUp: gpu.zeros(gateUp), down: gpu.zeros(down) };
    const run = (): Tensor => mlpDecodeStep(gpu.zeros(x), network, { gain: gpu.zeros(gain), eps });
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(message);
  },
);

test("a dense network refuses what is not f32", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const network = { gateUp: gpu.zeros([8, 8], "u32"), down: gpu.zeros([8, 4]) };
  const run = (): Tensor => mlpDecodeStep(gpu.zeros([1, 8]), network, { gain: gpu.zeros([8]), eps });
  expect(run).toThrow(DtypeError);
  expect(run).toThrow(/mlpDecodeStep: gateUp: expected f32/);
});

function normed(x: Float64Array, gain: Float64Array): Float64Array {
  const D = gain.length;
  return x.map((value, i) => {
    const row = x.subarray(i - (i % D), i - (i % D) + D);
    const mean = row.reduce((sum, v) => sum + v * v, 0) / D;
    return (value / Math.sqrt(mean + eps)) * gain[i % D]!;
  });
}
