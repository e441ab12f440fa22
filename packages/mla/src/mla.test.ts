import { ShapeError } from "@ds3/errors";
import { matmul, type Tensor } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { fuse, randomWeights, tokensOf, upload, withQueryLatent, yarn } from "../test/random-layer.ts";
import { cacheRows } from "./cache-rows.ts";
import { createLatentCache } from "./latent-cache.ts";
import { type Linear, type MlaParameters, mla } from "./mla.ts";
import { mlaRef } from "./mla-attention.ref.ts";
import { mlaDecode } from "./mla-decode.ts";
import type { MlaConfig } from "./types.ts";

const device = useTestGpu();

/** First index of each token's document within its row. */
function startsOf(documents: readonly number[], batch: number): number[] {
  const length = documents.length / batch;
  return documents.map((_, i) => {
    let start = i;
    while (start % length > 0 && documents[start - 1] === documents[i]) start--;
    return start % length;
  });
}

const cases: {
  label: string;
  config: MlaConfig;
  batch: number;
  length: number;
  first?: number;
  documents?: number[];
}[] = [
  { label: "one token", config: withQueryLatent, batch: 1, length: 1 },
  { label: "query latent", config: withQueryLatent, batch: 2, length: 7 },
  { label: "no query latent, YaRN, far positions", config: yarn, batch: 1, length: 33, first: 5000 },
  {
    label: "packed documents",
    config: withQueryLatent,
    batch: 2,
    length: 6,
    documents: [0, 0, 0, 1, 1, 2, 5, 6, 6, 6, 6, 6],
  },
];

describe("mla", () => {
  test.each(cases)(
    "$label: output, caches and gradients against f64",
    async ({ config, batch, length, first = 0, documents }) => {
      const { gpu } = device;
      const before = gpu.stats.liveBuffers;
      {
        using _scope = gpu.scope();
        const weights = randomWeights(config);
        const x = normals(batch * length * config.hiddenSize, 11).map(Math.fround);
        const dy = normals(x.length, 12).map(Math.fround);
        const positions = Array.from({ length: batch * length }, (_, i) => first + (i % length));
        const want = mlaRef(config, weights, x, { batch, length, positions, ...(documents ? { documents } : {}) });
        const gradients = want.backward(dy);

        const parameters = upload(gpu, config, weights);
        const tokens = tokensOf(gpu, config, batch, length, first);
        const mask = documents ? { documentStart: gpu.tensor(startsOf(documents, batch), [batch, length], "u32") } : {};
        using tape = gpu.tape();
        const input = tape.watch(gpu.tensor(x, [batch * length, config.hiddenSize]));
        const { y, latent, ropeKey } = mla(input, config, parameters, { ...tokens, ...mask });
        expectNear("y", await y.data(), want.out, y.shape, 1e-5);
        expectNear("latent", await latent.data(), want.latentCache, latent.shape, 1e-5);
        expectNear("ropeKey", await ropeKey.data(), want.ropeKeyCache, ropeKey.shape, 1e-5);
        tape.backward(y, gpu.tensor(dy, y.shape));
        expectNear("dx", await tape.gradient(input)!.data(), gradients.x, input.shape, 2e-5);
        for (const [name, gradient] of Object.entries(fuse(gradients.weights))) {
          const tensor = parameters[name as keyof MlaParameters] as Tensor;
          expectNear(name, await tensor.grad!.data(), gradient, tensor.shape, 2e-5);
        }
      }
      expect(gpu.stats.liveBuffers).toBe(before);
    },
  );

  test.each([
    ["with a query latent", withQueryLatent, ["qkvA", "qB", "kvB", "o"]],
    ["without", yarn, ["qkvA", "kvB", "o"]],
  ] as const)("another linear is given every weight with its name, %s; decoding absorbs kvB", (_, config, sites) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = upload(gpu, config, randomWeights(config));
    const calls: [string, string | undefined][] = [];
    const linear: Linear = (input, weight, site) => {
      calls.push([site, Object.entries(parameters).find(([, tensor]) => tensor === weight)?.[0]]);
      return matmul(input, weight, { layout: "nt" });
    };
    const tokens = tokensOf(gpu, config, 1, 2);
    const named = sites.map((site) => [site, site]);
    mla(gpu.zeros([2, config.hiddenSize]), config, parameters, tokens, linear);
    expect(calls.splice(0)).toEqual(named);
    const cache = createLatentCache(gpu, config, 2, 2);
    const rows = cacheRows(gpu, { sequences: Int32Array.of(0, 1), filled: Int32Array.of(0, 0) });
    const rotation = { ...tokens.rotation, positions: rows.positions };
    mlaDecode(gpu.zeros([2, config.hiddenSize]), config, parameters, rotation, cache, rows, linear);
    expect(calls).toEqual(named.filter(([site]) => site !== "kvB"));
  });

  test("x of another width is refused", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = upload(gpu, yarn, randomWeights(yarn));
    expect(() => mla(gpu.zeros([2, 35]), yarn, parameters, tokensOf(gpu, yarn, 1, 2))).toThrow(ShapeError);
  });
});
