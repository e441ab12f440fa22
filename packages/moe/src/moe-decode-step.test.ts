import { ShapeError } from "@ds3/errors";
import { Arena } from "@ds3/tensor";
import { mlpRef } from "@ds3/tensor/reference";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { network, parametersOf } from "../test/random-layer.ts";
import { canDecodeStep, mlpDecodeStep, moeDecodeStep } from "./moe-decode-step.ts";
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
  const y = await mlpDecodeStep(gpu.tensor(x, [T, D]), network, norm).data();
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
  expect(canDecodeStep({ ...grouped, moeIntermediateSize: 6 })).toBe(false);
  expect(() => run({ ...grouped, moeIntermediateSize: 6 }, 20)).toThrow(/Use createMoe, which takes any sizes/);
});

function normed(x: Float64Array, gain: Float64Array): Float64Array {
  const D = gain.length;
  return x.map((value, i) => {
    const row = x.subarray(i - (i % D), i - (i % D) + D);
    const mean = row.reduce((sum, v) => sum + v * v, 0) / D;
    return (value / Math.sqrt(mean + eps)) * gain[i % D]!;
  });
}
