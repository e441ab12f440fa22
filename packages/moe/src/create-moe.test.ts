import { join } from "node:path";
import { ConfigError, DtypeError, ShapeError } from "@ds3/errors";
import { checkpoint, groupedMatmul, matmul, swiglu, type Tensor } from "@ds3/tensor";
import {
  expectExact,
  expectFixture,
  expectNear,
  type Fixture,
  fixturesBelow,
  loadFixture,
  normals,
  testFixtures,
  useTestGpu,
} from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { fixtureOutputs } from "../test/fixture-outputs.ts";
import { network, parametersOf } from "../test/random-layer.ts";
import { createMoe, type MoeOptions, type MoeParameters } from "./create-moe.ts";
import { mlp } from "./mlp.ts";
import { moeRef } from "./moe-layer.ref.ts";
import { route } from "./route.ts";
import type { MoeConfig } from "./types.ts";

const device = useTestGpu();

/** Every expected tensor is asserted by the fixture's own tolerance; one that nobody computes fails. */
async function checkFixture(fixture: Fixture): Promise<void> {
  const before = device.gpu.stats.liveBuffers;
  const outputs = await fixtureOutputs(device.gpu, fixture);
  expect(device.gpu.stats.liveBuffers, "live buffers after the layer").toBe(before);
  for (const [name, { role }] of Object.entries(fixture.meta.tensors)) {
    if (!role.startsWith("expected")) continue;
    const got = outputs.get(name);
    expect(got, `${name}: an output of that name`).toBeDefined();
    if (role === "expected_exact") expectExact(fixture, name, got!);
    else expectFixture(fixture, name, got!);
  }
}

testFixtures("moe", "createMoe", () => true, checkFixture);

for (const base of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`createMoe: committed ${base.split("/").at(-1)}`, () => checkFixture(loadFixture(base)));
}

const config: MoeConfig = {
  hiddenSize: 20,
  moeIntermediateSize: 6,
  nSharedExperts: 2,
  nRoutedExperts: 12,
  numExpertsPerTok: 3,
  nGroup: 4,
  topkGroup: 2,
  normTopkProb: true,
  routedScalingFactor: 2.5,
};

describe("createMoe", () => {
  test.each([1, 7, 127, 129])("%i tokens against the reference", async (T) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const { hiddenSize: D, moeIntermediateSize: F, nRoutedExperts: E } = config;
    const parameters = parametersOf(gpu, config);
    const values = normals(T * D, 50).map(Math.fround);
    const up = normals(T * D, 51).map(Math.fround);
    const x = tape.watch(gpu.tensor(values, [T, D]));
    const { y, load } = createMoe(gpu, config, parameters)(x);
    tape.backward(y, gpu.tensor(up, [T, D]));
    const [experts, shared] = [
      await network(parameters, "experts", E, F * D),
      await network(parameters, "shared", 1, 2 * F * D),
    ];
    const gate = Float64Array.from(await parameters.gate.data());
    const want = moeRef(config, { gate, bias: new Float64Array(E), experts, shared }, values);
    const gradients = want.backward(up);
    expect([...(await load.data<"u32">())]).toEqual([...want.load]);
    expectNear("y", await y.data(), want.out, [T, D], 2e-5);
    expectNear("gradient of x", await tape.gradient(x)!.data(), gradients.x, [T, D], 2e-5);
    expectNear("gradient of gate", await parameters.gate.grad!.data(), gradients.gate, [E, D], 2e-5);
    const down = await parameters.expertsDown.grad!.data();
    expectNear("gradient of expertsDown", down, gradients.experts.downProj, [E, D, F], 2e-5);
  });

  test("running every expert on all tokens and masking gives the same", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = parametersOf(gpu, config);
    const [T, D] = [33, config.hiddenSize];
    const x = gpu.tensor(normals(T * D, 3), [T, D]);
    const { y } = createMoe(gpu, config, parameters)(x);
    expectNear("y", await y.data(), await denseMoe(x, parameters), [T, D], 1e-5);
  });

  test("a batch of sequences gives what its tokens give, and its balance loss is averaged over sequences", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const moe = createMoe(gpu, config, parametersOf(gpu, config), { balanceLossWeight: 0.5 });
    const x = gpu.tensor(normals(3 * 5 * 20, 4), [3, 5, 20]);
    const batch = moe(x, { training: true });
    const flat = moe(x.reshape([15, 20]), { training: true });
    expect(batch.y.shape).toEqual([3, 5, 20]);
    expect([...(await batch.y.data())]).toEqual([...(await flat.y.data())]);
    let sum = 0;
    for (let b = 0; b < 3; b++) sum += await moe(x.slice(b, b + 1), { training: true }).balanceLoss!.item();
    expect(await batch.balanceLoss!.item()).toBeCloseTo(sum / 3, 6);
    expect(await flat.balanceLoss!.item()).not.toBeCloseTo(sum / 3, 4);
  });

  test("training counts loads once, also under a checkpoint; evaluation does not", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = parametersOf(gpu, config);
    const moe = createMoe(gpu, config, parameters);
    const x = gpu.tensor(normals(9 * 20, 5), [9, 20]);
    const counted = async (): Promise<number> => (await parameters.load.data<"u32">()).reduce((a, b) => a + b, 0);
    const { balanceLoss } = moe(x);
    expect([await counted(), balanceLoss]).toEqual([0, undefined]);
    moe(x, { training: true });
    expect(await counted()).toBe(27);
    using tape = gpu.tape();
    tape.watch(x);
    const y = checkpoint(gpu, [x], (input) => moe(input!, { training: true }).y);
    tape.backward(y);
    expect(await counted()).toBe(54);
    moe.updateBias(0.25);
    expect(await counted()).toBe(0);
    expect(new Set(await parameters.bias.data())).toContain(-0.25);
  });

  test("linear layers of the experts can be exchanged, the router's cannot", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const calls: [string, string | undefined][] = [];
    const parameters = parametersOf(gpu, config);
    const nameOf = (weight: Tensor) => Object.entries(parameters).find(([, tensor]) => tensor === weight)?.[0];
    const linear: NonNullable<MoeOptions["linear"]> = (x, weight, site) => {
      calls.push([site, nameOf(weight)]);
      return matmul(x, weight, { layout: "nt" });
    };
    const groupedLinear: NonNullable<MoeOptions["groupedLinear"]> = (x, weights, groups, site) => {
      calls.push([`experts ${site}`, nameOf(weights)]);
      return groupedMatmul(x, weights, groups);
    };
    const gatedLinear: MoeOptions["gatedLinear"] = (z, weight) => linear(swiglu(z), weight, "down");
    const groupedGatedLinear: MoeOptions["groupedGatedLinear"] = (z, weights, groups) =>
      groupedLinear(swiglu(z), weights, groups, "down");
    const x = gpu.tensor(normals(40, 3), [2, 20]);
    const want = await createMoe(gpu, config, parameters)(x).y.data();
    for (const gated of [{}, { gatedLinear, groupedGatedLinear }]) {
      const moe = createMoe(gpu, config, parameters, { linear, groupedLinear, ...gated });
      expect(await moe(x).y.data()).toEqual(want);
      expect(calls.splice(0)).toEqual([
        ["experts gateUp", "expertsGateUp"],
        ["experts down", "expertsDown"],
        ["gateUp", "sharedGateUp"],
        ["down", "sharedDown"],
      ]);
    }
    const nothing = (z: Tensor): Tensor => gpu.zeros([z.shape[0]!, 20]);
    const zero = createMoe(gpu, config, parameters, { gatedLinear: nothing, groupedGatedLinear: nothing })(x).y;
    expect(await zero.data()).toEqual(new Float32Array(40));
  });

  test("without shared experts, and no tokens", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const sizes = { ...config, nSharedExperts: 0 };
    const parameters = parametersOf(gpu, sizes);
    expect(Object.keys(parameters)).toEqual(["gate", "expertsGateUp", "expertsDown", "bias", "load"]);
    const { y, load } = createMoe(gpu, sizes, parameters)(gpu.zeros([0, 20]));
    expect([y.shape, (await load.data<"u32">()).length]).toEqual([[0, 20], 12]);
  });

  test("a training step leaves no buffer behind", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = parametersOf(gpu, config);
    const moe = createMoe(gpu, config, parameters);
    const x = gpu.tensor(normals(9 * 20, 5), [9, 20]);
    const before = gpu.stats.liveBuffers;
    for (let step = 0; step < 2; step++) {
      using _step = gpu.scope("step");
      using tape = gpu.tape();
      tape.backward(moe(x, { training: true }).y);
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("errors name key and parameter", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = parametersOf(gpu, config);
    const create =
      (sizes: Partial<MoeConfig>, changed: Partial<MoeParameters> = {}) =>
      () =>
        createMoe(gpu, { ...config, ...sizes }, { ...parameters, ...changed });
    expect(create({ hiddenSize: 0 })).toThrow(ConfigError);
    expect(create({ nGroup: 5 })).toThrow(/createMoe: nGroup: expected a divisor of nRoutedExperts 12, got 5/);
    expect(create({}, { gate: gpu.zeros([12, 21]) })).toThrow(ShapeError);
    expect(create({}, { gate: gpu.zeros([12, 21]) })).toThrow(/createMoe: gate: expected \[12, 20\], got \[12, 21\]/);
    expect(create({}, { load: gpu.zeros([12]) })).toThrow(DtypeError);
    expect(() => create({})()(gpu.zeros([4, 19]))).toThrow(/moe: x: expected \[T, 20\] or \[B, T, 20\], got \[4, 19\]/);
  });
});

/** The layer without dispatch: every expert sees every token, a mask of weights picks. */
async function denseMoe(x: Tensor, parameters: MoeParameters): Promise<Float64Array> {
  const { gate, bias, expertsGateUp, expertsDown, sharedGateUp, sharedDown } = parameters;
  const { nRoutedExperts: E, numExpertsPerTok: K, hiddenSize: D, moeIntermediateSize: F } = config;
  const routing = route(matmul(x, gate, { layout: "nt" }), bias, config);
  const [indices, weights] = [await routing.indices.data<"u32">(), await routing.weights.data()];
  const y = Float64Array.from(await mlp(x, { gateUp: sharedGateUp!, down: sharedDown! }).data());
  for (let e = 0; e < E; e++) {
    const hidden = swiglu(matmul(x, expertsGateUp.slice(e, e + 1).reshape([2 * F, D]), { layout: "nt" }));
    const out = await matmul(hidden, expertsDown.slice(e, e + 1).reshape([D, F]), { layout: "nt" }).data();
    for (let i = 0; i < y.length; i++) {
      const t = Math.floor(i / D);
      for (let k = 0; k < K; k++) if (indices[t * K + k] === e) y[i] += weights[t * K + k]! * out[i]!;
    }
  }
  return y;
}
