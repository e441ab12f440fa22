import { OutOfRangeError, ShapeError } from "@ds3/errors";
import type { Gpu, Tensor } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { randomWeights, tokensOf, upload, withQueryLatent, yarn } from "../test/random-layer.ts";
import { cacheRows } from "./cache-rows.ts";
import { appendLatents, createLatentCache } from "./latent-cache.ts";
import { mla } from "./mla.ts";
import { mlaRef } from "./mla-attention.ref.ts";
import { mlaDecode } from "./mla-decode.ts";
import type { MlaConfig } from "./types.ts";

const device = useTestGpu();
const D = withQueryLatent.hiddenSize;

const rowsAt = (gpu: Gpu, sequences: number[], filled: number[]) =>
  cacheRows(gpu, { sequences: Int32Array.from(sequences), filled: Int32Array.from(filled) });

/** Tokens of one sequence, [length, D], a seed each. */
const sequence = (seed: number, length: number): Float64Array => normals(length * D, seed).map(Math.fround);

/** [rows, D] of the sequences' tokens `from` to `to`, one after the other. */
function tokens(gpu: Gpu, sequences: readonly Float64Array[], from: readonly number[], to: readonly number[]): Tensor {
  const parts = sequences.map((x, i) => [...x.subarray(from[i]! * D, to[i]! * D)]);
  return gpu.tensor(parts.flat(), [parts.flat().length / D, D]);
}

describe("mlaDecode", () => {
  test.each([withQueryLatent, yarn])("every row of the unabsorbed layer, token by token (%#)", async (config) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [batch, length] = [2, 9];
    const parameters = upload(gpu, config, randomWeights(config));
    const x = normals(batch * length * D, 3);
    const { rotation: tables, ...shape } = tokensOf(gpu, config, batch, length);
    const whole = mla(gpu.tensor(x, [batch * length, D]), config, parameters, { ...shape, rotation: tables });
    const want = await whole.y.data();
    const cache = createLatentCache(gpu, config, batch, length);
    for (let t = 0; t < length; t++) {
      const at = (data: ArrayLike<number>): number[] =>
        Array.from({ length: batch * D }, (_, i) => data[(Math.floor(i / D) * length + t) * D + (i % D)]!);
      const rows = rowsAt(gpu, [0, 1], [t, t]);
      const rotation = { ...tables, positions: rows.positions };
      const y = mlaDecode(gpu.tensor(at(x), [batch, D]), config, parameters, rotation, cache, rows);
      expectNear(`token ${t}`, await y.data(), at(want), [batch, D], 1e-5);
    }
    const [latent, ropeKey] = [await whole.latent.data(), await whole.ropeKey.data()];
    const entries = Array.from({ length: batch * length }, (_, t) => [
      ...latent.subarray(t * config.kvLoraRank, (t + 1) * config.kvLoraRank),
      ...ropeKey.subarray(t * config.qkRopeHeadDim, (t + 1) * config.qkRopeHeadDim),
    ]).flat();
    expectNear("entries", await cache.entries.data(), entries, cache.entries.shape, 1e-5);
  });

  test("sequences of different lengths give the last rows of the f64 layer over each alone", async () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _scope = gpu.scope();
      const [lengths, places] = [
        [3, 9, 1, 6],
        [4, 0, 5, 2],
      ];
      const { decoded } = await decodeOnto(gpu, yarn, lengths, places);
      for (const [i, length] of lengths.entries()) {
        const { out } = mlaRef(yarn, randomWeights(yarn), sequence(20 + i, length), { batch: 1, length });
        expectNear(`sequence ${i}`, decoded.subarray(i * D, (i + 1) * D), out.subarray(-D), [D], 1e-5);
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a step on some sequences leaves the rows of the others as they are", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { cache, parameters, rotation } = await decodeOnto(gpu, yarn, [3, 6, 5], [0, 1, 2]);
    const entries = await cache.entries.data();
    const rows = rowsAt(gpu, [2, 0], [5, 3]);
    const angles = { ...rotation, positions: rows.positions };
    mlaDecode(tokens(gpu, [sequence(1, 1), sequence(2, 1)], [0, 0], [1, 1]), yarn, parameters, angles, cache, rows);
    const changed = async (kept: Float32Array, now: Tensor): Promise<string[]> => {
      const width = now.shape[2]!;
      const place = (i: number): string =>
        `row ${Math.floor(i / (cache.capacity * width))}, token ${Math.floor(i / width) % cache.capacity}`;
      const values = await now.data();
      return [...new Set([...values.keys()].filter((i) => values[i] !== kept[i]).map(place))];
    };
    expect(await changed(entries, cache.entries)).toEqual(["row 0, token 3", "row 2, token 5"]);
  });

  test("x has a row for each sequence", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { rotation } = tokensOf(gpu, yarn, 1, 4);
    const parameters = upload(gpu, yarn, randomWeights(yarn));
    const cache = createLatentCache(gpu, yarn, 2, 3);
    const decode = (): Tensor =>
      mlaDecode(gpu.zeros([3, D]), yarn, parameters, rotation, cache, rowsAt(gpu, [0, 1], [0, 0]));
    expect(decode).toThrow(ShapeError);
    expect(decode).toThrow(/x: expected 2 rows, one a sequence, got 3/);
  });
});

describe("the latent cache", () => {
  test("holds the latent and the rope key alone", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const cache = createLatentCache(gpu, yarn, 2, 3);
    expect(cache.entries.bytes).toBe(2 * 3 * (yarn.kvLoraRank + yarn.qkRopeHeadDim) * 4);
  });

  test("copies give the tokens of one sequence to several rows", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const cache = createLatentCache(gpu, yarn, 5, 4);
    const [C, R] = [yarn.kvLoraRank, yarn.qkRopeHeadDim];
    const latent = gpu.tensor(normals(2 * 2 * C, 1), [4, C]);
    const ropeKey = gpu.tensor(normals(2 * 2 * R, 2), [4, R]);
    appendLatents(cache, { latent, ropeKey }, rowsAt(gpu, [3, 0, 1, 4], [1, 0, 2, 0]), 2);
    const [latents, ropeKeys] = [await latent.data(), await ropeKey.data()];
    const want = new Float32Array(5 * 4 * (C + R));
    const places: [row: number, first: number, from: number][] = [
      [3, 1, 0],
      [0, 0, 0],
      [1, 2, 2],
      [4, 0, 2],
    ];
    for (const [row, first, from] of places) {
      for (const t of [0, 1]) {
        const at = (row * 4 + first + t) * (C + R);
        want.set(latents.subarray((from + t) * C, (from + t + 1) * C), at);
        want.set(ropeKeys.subarray((from + t) * R, (from + t + 1) * R), at + C);
      }
    }
    expect(await cache.entries.data()).toEqual(want);
  });

  test("says which row is full or not there, and writes nothing then", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const cache = createLatentCache(gpu, yarn, 2, 3);
    const three = { latent: gpu.full([2, yarn.kvLoraRank], 1), ropeKey: gpu.full([2, yarn.qkRopeHeadDim], 1) };
    expect(() => appendLatents(cache, three, rowsAt(gpu, [0, 1], [2, 3]))).toThrow(OutOfRangeError);
    expect(() => appendLatents(cache, three, rowsAt(gpu, [0, 1], [2, 3]))).toThrow(
      /cache row 1: expected at most 3 tokens, got 4/,
    );
    expect(() => appendLatents(cache, three, rowsAt(gpu, [0, 2], [0, 0]))).toThrow(
      /sequences\[1\]: expected a row below the cache's 2, got 2/,
    );
    expect(() => appendLatents(cache, three, rowsAt(gpu, [0], [0]), 2)).toThrow(/copies: expected a divisor/);
    const odd = { ...three, latent: gpu.zeros([3, yarn.kvLoraRank]) };
    expect(() => appendLatents(cache, odd, rowsAt(gpu, [0, 1], [0, 0]))).toThrow(/latent: expected a multiple of 2/);
    const short = { ...three, ropeKey: gpu.zeros([1, yarn.qkRopeHeadDim]) };
    expect(() => appendLatents(cache, short, rowsAt(gpu, [0, 1], [0, 0]))).toThrow(/ropeKey: expected 2 rows/);
    expect((await cache.entries.data()).every((value) => value === 0)).toBe(true);
  });

  test.each<[number[], number[], RegExp]>([
    [[], [], /filled: expected at least one sequence/],
    [[0, 1], [3], /filled: expected 2 values.*got 1/],
    [[0, -1], [0, 0], /sequences\[1\]: expected a row >= 0, got -1/],
    [[4, 4], [0, 0], /sequences\[1\]: expected each row once, got 4/],
    [[0, 1], [0, -2], /filled\[1\]: expected a number of tokens >= 0, got -2/],
  ])("refuses rows %o holding %o", (sequences, filled, message) => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    expect(() => rowsAt(gpu, sequences, filled)).toThrow(message);
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

/** Fills places of a cache of six rows with all but the last token of each sequence, padded, and decodes that one. */
async function decodeOnto(gpu: Gpu, config: MlaConfig, lengths: readonly number[], places: readonly number[]) {
  const longest = Math.max(...lengths);
  const parameters = upload(gpu, config, randomWeights(config));
  const sequences = lengths.map((length, i) => sequence(20 + i, length));
  const cache = createLatentCache(gpu, config, 6, longest);
  const { rotation } = tokensOf(gpu, config, 1, longest);
  for (const [i, length] of lengths.entries()) {
    if (length === 1) continue;
    const before = tokens(gpu, [sequences[i]!], [0], [length - 1]);
    const where = tokensOf(gpu, config, 1, length - 1);
    appendLatents(cache, mla(before, config, parameters, where), rowsAt(gpu, [places[i]!], [0]));
  }
  const filled = lengths.map((length) => length - 1);
  const rows = rowsAt(gpu, [...places], filled);
  const last = tokens(gpu, sequences, filled, lengths);
  const y = mlaDecode(last, config, parameters, { ...rotation, positions: rows.positions }, cache, rows);
  return { cache, parameters, rotation, decoded: await y.data() };
}
