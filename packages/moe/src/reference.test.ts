import { join } from "node:path";
import type { MlpRefWeights } from "@ds3/tensor/reference";
import {
  checkGradient,
  expectClose,
  expectExact,
  expectStored,
  type Fixture,
  fixturesBelow,
  loadFixture,
  normals,
  testFixtures,
} from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { moeConfigOf } from "../test/fixture-config.ts";
import {
  balanceLossRef,
  expertLoadRef,
  type MoeRefWeights,
  moeRef,
  routeBackwardRef,
  routeRef,
  updateBiasRef,
} from "./reference.ts";
import type { MoeConfig } from "./types.ts";

const config: MoeConfig = {
  hiddenSize: 6,
  moeIntermediateSize: 3,
  nSharedExperts: 2,
  nRoutedExperts: 8,
  numExpertsPerTok: 3,
  nGroup: 4,
  topkGroup: 2,
  normTopkProb: true,
  routedScalingFactor: 2.5,
};
const { hiddenSize: D, moeIntermediateSize: F, nRoutedExperts: E } = config;
const T = 5;

const dot = (a: ArrayLike<number>, b: Float64Array) => b.reduce((sum, value, i) => sum + value * a[i], 0);

test.each([true, false])("router gradient, normTopkProb %s", (normTopkProb) => {
  const router = { ...config, normTopkProb };
  const bias = normals(E, 2);
  const up = normals(T * 3, 3);
  checkGradient(
    ({ logits }) => dot(routeRef(router, logits, bias).weights, up),
    ({ logits }) => ({ logits: routeBackwardRef(router, routeRef(router, logits, bias), up) }),
    { logits: normals(T * E, 1) },
  );
});

test.each([config, { ...config, nSharedExperts: 0, nGroup: 1, topkGroup: 1 }])("layer gradient %#", (layer) => {
  const bias = normals(E, 9);
  const up = normals(T * D, 8);
  const network = (experts: number, seed: number) => [0, 1, 2].map((i) => normals(experts * F * D, seed + i));
  const inputs = {
    x: normals(T * D, 1),
    gate: normals(E * D, 2),
    ...named("experts", network(E, 3)),
    ...(layer.nSharedExperts === 0 ? {} : named("shared", network(layer.nSharedExperts, 6))),
  } as Record<string, Float64Array>;
  const run = (arrays: Record<string, Float64Array>) => {
    const shared = arrays["shared.gateProj"] === undefined ? {} : { shared: pick(arrays, "shared") };
    return moeRef(layer, { gate: arrays.gate, bias, experts: pick(arrays, "experts"), ...shared }, arrays.x);
  };
  checkGradient(
    (arrays) => dot(run(arrays).out, up),
    (arrays) => {
      const { x, gate, experts, shared } = run(arrays).backward(up);
      const all = { x, gate, ...flatten("experts", experts), ...(shared ? flatten("shared", shared) : {}) };
      return all as Record<string, Float64Array>;
    },
    inputs,
    { samples: 30 },
  );
});

function named(prefix: string, [gateProj, upProj, downProj]: Float64Array[]): Record<string, Float64Array> {
  return flatten(prefix, { gateProj, upProj, downProj });
}

function flatten(prefix: string, network: MlpRefWeights): Record<string, Float64Array> {
  return Object.fromEntries(Object.entries(network).map(([name, value]) => [`${prefix}.${name}`, value]));
}

function pick(arrays: Record<string, Float64Array>, prefix: string): MlpRefWeights {
  const part = (name: string) => arrays[`${prefix}.${name}`];
  return { gateProj: part("gateProj"), upProj: part("upProj"), downProj: part("downProj") };
}

test.each(["literal", "selected"] as const)("balance loss gradient, %s", (balanceTopk) => {
  const options = {
    batch: 2,
    length: T,
    nRoutedExperts: E,
    numExpertsPerTok: 3,
    balanceLossWeight: 0.3,
    balanceTopk,
  };
  const run = (logits: Float64Array) => {
    const { scores, indices } = routeRef(config, logits, new Float64Array(E));
    return balanceLossRef(scores, indices, options);
  };
  checkGradient(
    ({ logits }) => run(logits).loss,
    ({ logits }) => ({ logits: run(logits).gradLogits }),
    { logits: normals(2 * T * E, 1) },
  );
});

test("an even load and even scores cost alpha exactly", () => {
  const options = { batch: 1, length: 4, nRoutedExperts: 4, numExpertsPerTok: 1, balanceLossWeight: 0.5 };
  const scores = new Float64Array(16).fill(0.5);
  const { loss, gradLogits } = balanceLossRef(scores, [0, 1, 2, 3], { ...options, balanceTopk: "selected" });
  expect(loss).toBeCloseTo(0.5, 14);
  expectClose(gradLogits, new Float64Array(16), { name: "gradient", atol: 1e-15 });
});

test("a masked group is never chosen, even when every biased score is negative", () => {
  const bias = new Float64Array(E).fill(-5);
  const { indices, groupScores } = routeRef(config, normals(200 * E, 4), bias);
  for (let t = 0; t < 200; t++) {
    const scores = [...groupScores.subarray(t * 4, (t + 1) * 4)];
    const kept = new Set([...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 2));
    const chosen = [...indices.subarray(t * 3, (t + 1) * 3)];
    expect(chosen.every((e) => kept.has(Math.floor(e / 2)))).toBe(true);
    expect(new Set(chosen).size).toBe(3);
  }
});

test("the bias changes who is chosen, never the weight of the same choice", () => {
  const logits = normals(50 * E, 5);
  const plain = routeRef(config, logits, new Float64Array(E));
  const shifted = routeRef(config, logits, new Float64Array(E).fill(0.25));
  expect(shifted.indices).toEqual(plain.indices);
  expect(shifted.weights).toEqual(plain.weights);
  expect(routeRef(config, logits, normals(E, 6)).indices).not.toEqual(plain.indices);
});

test("weights of a token sum to the scaling factor", () => {
  const { weights } = routeRef(config, normals(10 * E, 7), new Float64Array(E));
  for (let t = 0; t < 10; t++) expect(weights[3 * t] + weights[3 * t + 1] + weights[3 * t + 2]).toBeCloseTo(2.5, 13);
});

test("bias update: below the mean up, above it down, at it still", () => {
  expect(updateBiasRef(Float64Array.of(0, 1, 2), [1, 2, 3], 0.5)).toEqual(Float64Array.of(0.5, 1, 1.5));
  expect(expertLoadRef([0, 2, 2, 0], 3)).toEqual(Int32Array.of(2, 0, 2));
});

function network(fixture: Fixture, prefix: string): MlpRefWeights {
  const part = (name: string) => fixture.f64(`${prefix}.${name}`);
  return { gateProj: part("gate_proj"), upProj: part("up_proj"), downProj: part("down_proj") };
}

function expectNetwork(fixture: Fixture, prefix: string, got: MlpRefWeights): void {
  expectStored(fixture, `${prefix}.gate_proj`, got.gateProj);
  expectStored(fixture, `${prefix}.up_proj`, got.upProj);
  expectStored(fixture, `${prefix}.down_proj`, got.downProj);
}

function checkLayer(fixture: Fixture): void {
  const layer = moeConfigOf(fixture.meta.config);
  const shared = layer.nSharedExperts === 0 ? {} : { shared: network(fixture, "shared_experts") };
  const [gate, bias] = [fixture.f64("gate_weight"), fixture.f64("bias")];
  const weights: MoeRefWeights = { gate, bias, experts: network(fixture, "experts"), ...shared };
  const { out, route, load, backward } = moeRef(layer, weights, fixture.f64("x"));
  expectExact(fixture, "topk_indices", route.indices);
  expectExact(fixture, "load", load);
  expectStored(fixture, "scores", route.scores);
  expectStored(fixture, "group_scores", route.groupScores);
  expectStored(fixture, "topk_weights", route.weights);
  expectStored(fixture, "out", out);
  const grads = backward(fixture.f64("grad_out"));
  expectStored(fixture, "grad_x", grads.x);
  expectStored(fixture, "grad.gate", grads.gate);
  expectNetwork(fixture, "grad.experts", grads.experts);
  if (grads.shared !== undefined) expectNetwork(fixture, "grad.shared_experts", grads.shared);
  const {
    batch,
    length,
    bias_update_gamma: gamma,
    balance_alpha: alpha,
  } = fixture.meta.config as Record<string, number>;
  expectStored(fixture, "bias_updated", updateBiasRef(bias, load, gamma));
  for (const balanceTopk of ["literal", "selected"] as const) {
    const options = { ...layer, batch, length, balanceLossWeight: alpha, balanceTopk };
    const { loss, gradLogits } = balanceLossRef(route.scores, route.indices, options);
    expectStored(fixture, `balance_loss_${balanceTopk}`, [loss]);
    expectStored(fixture, `balance_grad_logits_${balanceTopk}`, gradLogits);
  }
}

testFixtures("moe", "layer", ({ tensors }) => "grad_out" in tensors, checkLayer);

testFixtures(
  "moe",
  "router",
  ({ tensors }) => !("grad_out" in tensors),
  (fixture) => {
    const [x, gate, layer] = [fixture.f64("x"), fixture.f64("gate_weight"), moeConfigOf(fixture.meta.config)];
    const logits = new Float64Array((x.length / layer.hiddenSize) * layer.nRoutedExperts).map((_, i) => {
      const [t, e] = [Math.floor(i / layer.nRoutedExperts), i % layer.nRoutedExperts];
      const token = x.subarray(t * layer.hiddenSize, (t + 1) * layer.hiddenSize);
      return dot(gate.subarray(e * layer.hiddenSize), token);
    });
    const { scores, groupScores, indices, weights } = routeRef(layer, logits, fixture.f64("bias"));
    expectExact(fixture, "topk_indices", indices);
    expectStored(fixture, "scores", scores);
    expectStored(fixture, "group_scores", groupScores);
    expectStored(fixture, "topk_weights", weights);
  },
);

for (const base of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`layer: committed ${base.split("/").at(-1)}`, () => checkLayer(loadFixture(base)));
}
