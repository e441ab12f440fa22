import { join } from "node:path";
import {
  checkGradient,
  expectClose,
  expectStored,
  type Fixture,
  fixturesBelow,
  loadFixture,
  normals,
  testFixtures,
} from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { mlaConfigOf } from "../test/fixture-config.ts";
import { causalAttentionBackwardRef, causalAttentionRef, type MlaRefTokens, mlaRef } from "./reference.ts";
import type { MlaConfig, YarnScaling } from "./types.ts";

const yarn: YarnScaling = { type: "yarn", factor: 4, betaFast: 32, betaSlow: 1, originalMaxPositionEmbeddings: 8 };
const config: MlaConfig = {
  hiddenSize: 10,
  numAttentionHeads: 2,
  qLoraRank: 6,
  kvLoraRank: 5,
  qkNopeHeadDim: 3,
  qkRopeHeadDim: 4,
  vHeadDim: 2,
  ropeTheta: 100,
  ropeScaling: { ...yarn, mscale: 1, mscaleAllDim: 1 },
};

function randomWeights(c: MlaConfig): Record<string, Float64Array> {
  const { hiddenSize: D, numAttentionHeads: N, qLoraRank, kvLoraRank: C } = c;
  const queries = N * (c.qkNopeHeadDim + c.qkRopeHeadDim);
  const sizes: Record<string, number> = {
    ...(qLoraRank === null
      ? { "q_proj.weight": queries * D }
      : {
          "q_a_proj.weight": qLoraRank * D,
          "q_a_layernorm.weight": qLoraRank,
          "q_b_proj.weight": queries * qLoraRank,
        }),
    "kv_a_proj_with_mqa.weight": (C + c.qkRopeHeadDim) * D,
    "kv_a_layernorm.weight": C,
    "kv_b_proj.weight": N * (c.qkNopeHeadDim + c.vHeadDim) * C,
    "o_proj.weight": D * N * c.vHeadDim,
  };
  return Object.fromEntries(Object.entries(sizes).map(([name, size], i) => [name, normals(size, 10 + i)]));
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

test.each<[string, MlaConfig, Partial<MlaRefTokens>]>([
  ["query latent and YaRN", config, {}],
  ["no query latent, plain rope", { ...config, qLoraRank: null, ropeScaling: null }, {}],
  ["documents and positions", config, { documents: [0, 0, 1, 1, 7, 7, 7, 7], positions: [0, 1, 0, 1, 5, 6, 7, 8] }],
])("layer gradient: %s", (_, layer, more) => {
  const tokens = { batch: 2, length: 4, ...more };
  const up = normals(2 * 4 * layer.hiddenSize, 3);
  checkGradient(
    ({ x, ...weights }) => dot(mlaRef(layer, weights, x, tokens).out, up),
    ({ x, ...weights }) => {
      const grads = mlaRef(layer, weights, x, tokens).backward(up);
      return { x: grads.x, ...grads.weights };
    },
    { x: normals(up.length, 1), ...randomWeights(layer) } as Record<string, Float64Array> & { x: Float64Array },
    { samples: 24 },
  );
});

test("attention gradient with different head sizes", () => {
  const shape = { batch: 1, length: 5, heads: 2, qkDim: 3, vDim: 4, scale: 0.7, documents: [0, 0, 0, 1, 1] };
  const up = normals(40, 4);
  checkGradient(
    ({ q, k, v }) => dot(causalAttentionRef(q, k, v, shape).out, up),
    (inputs) => {
      const { probabilities } = causalAttentionRef(inputs.q, inputs.k, inputs.v, shape);
      return causalAttentionBackwardRef(up, inputs, probabilities, shape);
    },
    { q: normals(30, 1), k: normals(30, 2), v: normals(40, 3) },
  );
});

test("packed documents give what each gives alone", () => {
  const weights = randomWeights(config);
  const x = normals(7 * config.hiddenSize, 1);
  const packed = mlaRef(config, weights, x, { batch: 1, length: 7, documents: [4, 4, 4, 9, 9, 9, 9] });
  const split = 3 * config.hiddenSize;
  const first = mlaRef(config, weights, x.slice(0, split), { batch: 1, length: 3 });
  const second = mlaRef(config, weights, x.slice(split), { batch: 1, length: 4 });
  expectClose(packed.out, [...first.out, ...second.out], { name: "out", atol: 1e-12 });
});

test("scores depend on relative positions only", () => {
  const weights = randomWeights(config);
  const x = normals(4 * config.hiddenSize, 1);
  const near = mlaRef(config, weights, x, { batch: 1, length: 4 });
  const far = mlaRef(config, weights, x, { batch: 1, length: 4, positions: [900, 901, 902, 903] });
  expectClose(far.out, near.out, { name: "out", atol: 1e-10 });
  expect(far.ropeKeyCache).not.toEqual(near.ropeKeyCache);
});

function checkLayer(fixture: Fixture): void {
  const { batch, length, first_position: first } = fixture.meta.config as Record<string, number>;
  const prefix = "weight.";
  const names = fixture.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const weights = Object.fromEntries(names.map((name) => [name, fixture.f64(prefix + name)]));
  const positions = Array.from({ length: batch * length }, (_, i) => first + (i % length));
  const documents = fixture.names.includes("documents") ? { documents: fixture.i32("documents") } : {};
  const tokens = { batch, length, positions, ...documents };
  const layer = mlaRef(mlaConfigOf(fixture.meta.config), weights, fixture.f64("x"), tokens);
  const grads = layer.backward(fixture.f64("grad_out"));
  expectStored(fixture, "out", layer.out);
  expectStored(fixture, "latent_cache", layer.latentCache);
  expectStored(fixture, "rope_key_cache", layer.ropeKeyCache);
  expectStored(fixture, "grad_x", grads.x);
  for (const name of names) expectStored(fixture, `grad.${name}`, grads.weights[name]);
}

testFixtures("mla", "layer", ({ tensors }) => "grad_out" in tensors, checkLayer);

for (const base of fixturesBelow(join(import.meta.dirname, "../fixtures"))) {
  test(`layer: committed ${base.split("/").at(-1)}`, () => checkLayer(loadFixture(base)));
}
