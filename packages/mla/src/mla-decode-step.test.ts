import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { type Gpu, rmsNorm, type Tensor } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { randomWeights, tokensOf, upload, withQueryLatent, yarn } from "../test/random-layer.ts";
import { cacheRows } from "./cache-rows.ts";
import { appendLatents, createLatentCache } from "./latent-cache.ts";
import { mla } from "./mla.ts";
import { mlaRef } from "./mla-attention.ref.ts";
import { mlaDecode } from "./mla-decode.ts";
import { canMlaDecodeStep, mlaDecodeStep, uploadDecodeStep } from "./mla-decode-step.ts";
import type { MlaConfig } from "./types.ts";

const device = useTestGpu();
const eps = 1e-5;
/** With and without a query latent; the third has more vectors than lanes, and heads of 60 columns in all. */
const configs: MlaConfig[] = [
  { ...withQueryLatent, vHeadDim: 12 },
  { ...yarn, vHeadDim: 4, numAttentionHeads: 5 },
  { ...yarn, qLoraRank: 268, kvLoraRank: 72, qkRopeHeadDim: 40, qkNopeHeadDim: 20, vHeadDim: 8, hiddenSize: 292 },
];

const rowsAt = (sequences: number[], filled: number[]) => ({
  sequences: Int32Array.from(sequences),
  filled: Int32Array.from(filled),
});
const gainOf = (D: number): Float64Array => normals(D, 40).map((v) => Math.fround(1 + 0.2 * v));

/**
 * A layer, and a cache of six rows that hold all but the last token of sequences of some lengths. With the norm among the
 * layer's parameters a software adapter computes the step in one dispatch, without it in three.
 */
function filledCache(
  gpu: Gpu,
  config: MlaConfig,
  lengths: readonly number[],
  places: readonly number[],
  apart = false,
) {
  const D = config.hiddenSize;
  const more = [{ name: "gain", shape: [D], decay: false }];
  const { gain: inArena, ...parameters } = upload(gpu, config, { ...randomWeights(config), gain: gainOf(D) }, more);
  const gain = apart ? gpu.tensor(gainOf(D), [D]) : inArena!;
  const sequences = lengths.map((length, i) => normals(length * D, 20 + i).map(Math.fround));
  const cache = createLatentCache(gpu, config, 6, Math.max(...lengths));
  for (const [i, length] of lengths.entries()) {
    if (length === 1) continue;
    const before = gpu.tensor(sequences[i]!.subarray(0, -D), [length - 1, D]);
    const output = mla(rmsNorm(before, gain, { eps }), config, parameters, tokensOf(gpu, config, 1, length - 1));
    appendLatents(cache, output, cacheRows(gpu, rowsAt([places[i]!], [0])));
  }
  const last = gpu.tensor(
    sequences.flatMap((x) => [...x.subarray(-D)]),
    [lengths.length, D],
  );
  return { parameters, norm: { gain, eps }, cache, sequences, last };
}

describe("mlaDecodeStep", () => {
  test.each(configs.flatMap((config, i) => [true, false].map((apart) => [i, apart, config] as const)))(
    "is x + the f64 layer of norm x, for sequences of different lengths (%i, norm apart %s)",
    async (_, apart, config) => {
      const { gpu } = device;
      const before = gpu.stats.liveBuffers;
      const D = config.hiddenSize;
      {
        using _scope = gpu.scope();
        const [lengths, places] = [
          [3, 9, 1, 40],
          [4, 0, 5, 2],
        ];
        const { parameters, norm, cache, sequences, last } = filledCache(gpu, config, lengths, places, apart);
        const active = rowsAt(
          places,
          lengths.map((length) => length - 1),
        );
        const dispatches = gpu.stats.dispatches;
        const y = await mlaDecodeStep(
          last,
          config,
          parameters,
          norm,
          cache,
          uploadDecodeStep(gpu, config, active),
        ).data();
        expect(gpu.stats.dispatches - dispatches).toBe(gpu.target.software && !apart ? 1 : 3);
        for (const [i, length] of lengths.entries()) {
          const { out } = mlaRef(config, randomWeights(config), normed(sequences[i]!, gainOf(D)), { batch: 1, length });
          const want = out.subarray(-D).map((value, d) => value + sequences[i]!.at(d - D)!);
          expectNear(`sequence ${i}`, y.subarray(i * D, (i + 1) * D), want, [D], 1e-5);
        }
      }
      expect(gpu.stats.liveBuffers).toBe(before);
    },
  );

  test.each(configs)("leaves the cache as mlaDecode does (%#)", async (config) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [lengths, places] = [
      [3, 6, 5],
      [0, 1, 2],
    ];
    const one = filledCache(gpu, config, lengths, places);
    const two = filledCache(gpu, config, lengths, places);
    const active = rowsAt([2, 0], [4, 2]);
    const x = one.last.slice(0, 2);
    const rows = cacheRows(gpu, active);
    const rotation = { ...tokensOf(gpu, config, 1, 6).rotation, positions: rows.positions };
    mlaDecode(rmsNorm(x, one.norm.gain, { eps }), config, one.parameters, rotation, one.cache, rows);
    mlaDecodeStep(x, config, two.parameters, two.norm, two.cache, uploadDecodeStep(gpu, config, active));
    const [got, want] = [await two.cache.entries.data(), await one.cache.entries.data()];
    expectNear("entries", got, want, one.cache.entries.shape, 1e-5);
    expect(got.subarray(-3 * one.cache.capacity)).toEqual(want.subarray(-3 * one.cache.capacity));
  });

  test("says what it cannot do", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const config = configs[0]!;
    const { parameters, norm, cache, last } = filledCache(gpu, config, [2, 3], [0, 1]);
    const run = (x: Tensor, active = rowsAt([0, 1], [1, 2]), of = config): (() => Tensor) => {
      return () => mlaDecodeStep(x, of, parameters, norm, cache, uploadDecodeStep(gpu, of, active));
    };
    expect(run(gpu.zeros([3, 36]))).toThrow(ShapeError);
    expect(run(gpu.zeros([3, 36]))).toThrow(/mlaDecodeStep: x: expected \[2, 36\], a row a sequence, got \[3, 36\]/);
    expect(run(last, rowsAt([0, 1], [1, 3]))).toThrow(OutOfRangeError);
    expect(run(last, rowsAt([0, 1], [1, 3]))).toThrow(/cache row 1: expected at most 3 tokens, got 4/);
    expect(run(last, rowsAt([0, 6], [1, 2]))).toThrow(/sequences\[1\]: expected a row below the cache's 6, got 6/);
    expect(run(last, rowsAt([0, 0], [1, 1]))).toThrow(/uploadDecodeStep: sequences\[1\]: expected each row once/);
    const step = uploadDecodeStep(gpu, config, rowsAt([0, 1], [1, 2]));
    const short = { ...norm, gain: gpu.zeros([32]) };
    const normError = /mlaDecodeStep: norm.gain: expected \[D=36\], got \[32\]/;
    expect(() => mlaDecodeStep(last, config, parameters, short, cache, step)).toThrow(normError);
    const width = config.kvLoraRank + config.qkRopeHeadDim;
    const narrow = { ...cache, entries: gpu.zeros([6, 3, width - 4]) };
    const cacheError = `mlaDecodeStep: cache.entries: expected [6, 3, ${width}], got [6, 3, ${width - 4}]`;
    expect(() => mlaDecodeStep(last, config, parameters, norm, narrow, step)).toThrow(ShapeError);
    expect(() => mlaDecodeStep(last, config, parameters, norm, narrow, step)).toThrow(cacheError);
    expect(canMlaDecodeStep(withQueryLatent)).toBe(false);
    expect(run(last, rowsAt([0, 1], [1, 2]), withQueryLatent)).toThrow(/Use mlaDecode, which takes any sizes/);
  });
});

function normed(x: Float64Array, gain: Float64Array): Float64Array {
  const D = gain.length;
  return x.map((value, i) => {
    const row = x.subarray(i - (i % D), i - (i % D) + D);
    const mean = row.reduce((sum, v) => sum + v * v, 0) / D;
    return (value / Math.sqrt(mean + eps)) * gain[i % D]!;
  });
}
