import { expectNear, integers, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import type { Gpu } from "./gpu.ts";
import { philoxRef } from "./philox.ref.ts";
import { keptIdsRef, type SampledRowRef, sampleRowsRef } from "./sample-rows.ref.ts";
import { type SampleRowsOptions, sampleRows } from "./sample-rows.ts";
import type { Tensor } from "./tensor.ts";

type Filters = Pick<SampleRowsOptions, "temperature" | "topK" | "topP" | "minP">;

const device = useTestGpu();
const count = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
const refOptions = (V: number, options: SampleRowsOptions) => ({
  ...{ vocabSize: V, temperature: 1, topK: V, topP: 1, minP: 0 },
  ...options,
});

/** Draws on the GPU; ids and log-probabilities on the host. */
async function draw(logits: Tensor, options: SampleRowsOptions): Promise<{ ids: number[]; logProbs: Float32Array }> {
  const { ids, logProbs } = sampleRows(logits, options);
  return { ids: [...(await ids.data<"u32">())], logProbs: await logProbs.data() };
}

/** Rows of one distribution, one draw for each stream: the share of each id. */
async function shares(gpu: Gpu, row: readonly number[], filters: Filters, n: number): Promise<Float64Array> {
  const logits = gpu.tensor(
    Float32Array.from({ length: n * row.length }, (_, i) => row[i % row.length]!),
    [n, row.length],
  );
  const { ids } = await draw(logits, { ...filters, seed: 11, step: 5, streams: count(n) });
  const counts = new Float64Array(row.length);
  for (const id of ids) counts[id]! += 1;
  return counts.map((c) => c / n);
}

const filters: readonly Filters[] = [
  {},
  { temperature: 0 },
  { temperature: 0.6 },
  { topK: 1 },
  { topK: 5 },
  { topP: 0.8 },
  { topP: 1e-6 },
  { minP: 0.1 },
  { minP: 1 },
  { temperature: 1.3, topK: 40, topP: 0.9, minP: 0.05 },
  { temperature: 0.7, topK: 1e9, topP: 0.95 },
];
const shapes = [
  [1, 1],
  [9, 7],
  [40, 127],
  [40, 129],
  [20, 1024],
  [4, 50_257],
  [1, 200_000],
] as const;

describe.each(shapes)("sampleRows of [%i, %i]", (B, V) => {
  test.each(filters)("%o: ids and log-probs of the reference", async (given) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const values = normals(B * V, 3).map((v) => Math.fround(3 * v));
    // Some ids are masked, some tie.
    for (let i = 0; i < values.length; i++) {
      if (i % V > 1 && i % 11 === 5) values[i] = Number.NEGATIVE_INFINITY;
      if (i % V > 1 && i % 13 === 7) values[i] = values[i - 1]!;
    }
    const options = { ...given, seed: 2 ** 40 + 7, step: 12, streams: integers(B, 2 ** 31, 6) };
    const want = sampleRowsRef(values, refOptions(V, options));
    const { ids, logProbs } = await draw(gpu.tensor(values, [B, V]), options);
    const differ = want.flatMap((row, b) => (row.id === ids[b] ? [] : [{ b, ...row }]));
    for (const { b, margin } of differ) expect(margin, `row ${b}: id ${ids[b]}`).toBeLessThan(1e-5);
    expect(differ.length, "draws beside a border").toBeLessThanOrEqual(0.03 * B);
    const same = (row: SampledRowRef, b: number): boolean => row.id === ids[b];
    const wanted = want.filter(same).map(({ logProb }) => logProb);
    expectNear(
      "logProbs",
      logProbs.filter((_, b) => same(want[b]!, b)),
      wanted,
      [wanted.length],
      2e-6,
    );
  });
});

describe("sampleRows", () => {
  test.each<Filters>([
    {},
    { temperature: 2 },
    { topK: 3 },
    { topP: 0.7 },
    { minP: 0.3 },
    { temperature: 1.5, topK: 6, topP: 0.9, minP: 0.2 },
  ])("%o: the shares of 60,000 draws pass a chi-square test", async (given) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const n = 60_000;
    const row = [0.3, -1, 1.2, 0.9, -0.4, 1.1, -2];
    const options = refOptions(7, { ...given, seed: 0, step: 0, streams: count(0) });
    const kept = keptIdsRef(Float64Array.from(row), options);
    const masses = row.map((x, id) => Math.exp(x / options.temperature) * kept[id]!);
    const total = masses.reduce((a, b) => a + b);
    const got = await shares(gpu, row, given, n);
    let chiSquare = 0;
    for (const [id, mass] of masses.entries()) {
      if (mass === 0) expect(got[id]).toBe(0);
      else chiSquare += (n * (got[id]! - mass / total) ** 2) / (mass / total);
    }
    // Below 23 in 99.9 % of all seeds at 6 degrees of freedom; this seed is one of them.
    expect(chiSquare).toBeLessThan(23);
  });

  test("ids that tie with the last one kept are kept, 0 and -0 too", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const drawn = async (row: readonly number[], given: Filters) =>
      [...(await shares(gpu, row, given, 600)).entries()].filter(([, share]) => share > 0).map(([id]) => id);
    expect(await drawn([2, 1, 2, 1, 0], { topK: 1 })).toEqual([0, 2]);
    expect(await drawn([2, 1, 2, 1, 0], { topK: 3 })).toEqual([0, 1, 2, 3]);
    expect(await drawn([2, 1, 2, 1, 0], { topP: 0.1 })).toEqual([0, 2]);
    expect(await drawn([2, 1, 2, 1, 0], { topP: 0.72 })).toEqual([0, 1, 2, 3]);
    expect(await drawn([2, 1, 2, 1, 0], { minP: 1 })).toEqual([0, 2]);
    expect(await drawn([0, -0, -1], { topK: 1 })).toEqual([0, 1]);
  });

  test("each filter works on what the one before left", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const row = [0.4, 0.3, 0.2, 0.1].map(Math.log);
    const drawn = async (given: Filters) => (await shares(gpu, row, given, 600)).filter((share) => share > 0).length;
    expect(await drawn({ topP: 0.55 })).toBe(2);
    // Of two ids with 4/7 and 3/7 the first alone reaches 0.55.
    expect(await drawn({ topK: 2, topP: 0.55 })).toBe(1);
    // The temperature comes first: flattened, two ids hold less than 0.55, as they do with 4 ids of 1/4.
    expect(await drawn({ temperature: 100, topP: 0.55 })).toBe(3);
    expect(await drawn({ temperature: 100, minP: 0.9 })).toBe(4);
  });

  test("temperature 0: the smallest of the most likely ids, whatever the filters", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.tensor([1, 5, 5, 0, 5, 5, 5, 5], [2, 4]);
    for (const given of [{}, { topK: 1 }, { topP: 0.1 }, { minP: 1 }]) {
      const { ids, logProbs } = await draw(logits, { ...given, temperature: 0, seed: 3, step: 1, streams: count(2) });
      expect(ids).toEqual([1, 0]);
      expect(logProbs[1]).toBeCloseTo(-Math.log(4), 6);
    }
  });

  test("a row's draw depends on seed, step and stream alone", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [B, V] = [37, 300];
    const values = normals(B * V, 8).map(Math.fround);
    const options = { topP: 0.95, seed: 5, step: 9, streams: integers(B, 2 ** 31, 2) };
    const logits = gpu.tensor(values, [B, V]);
    const all = await draw(logits, options);
    expect(await draw(logits, options)).toEqual(all);
    for (const b of [0, 13, 36]) {
      const row = gpu.tensor(values.subarray(b * V, (b + 1) * V), [1, V]);
      const alone = await draw(row, { ...options, streams: options.streams.slice(b, b + 1) });
      expect(alone).toEqual({ ids: [all.ids[b]], logProbs: all.logProbs.slice(b, b + 1) });
      const view = await draw(logits.slice(b, b + 1), { ...options, streams: options.streams.slice(b, b + 1) });
      expect(view).toEqual(alone);
    }
    for (const change of [{ seed: 6 }, { seed: 5 + 2 ** 32 }, { step: 10 }, { streams: integers(B, 2 ** 31, 3) }]) {
      const { ids } = await draw(logits, { ...options, ...change });
      expect(ids.filter((id, b) => id === all.ids[b]).length, JSON.stringify(change)).toBeLessThan(10);
    }
  });

  test.each([false, true])(
    "70,000 rows, more than one dimension of a grid holds (one row a group: %s)",
    async (one) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const B = 70_000;
      const values = normals(B * 3, 4).map(Math.fround);
      const options = { seed: 1, step: 2, streams: count(B) };
      const want = sampleRowsRef(values, refOptions(3, options));
      const { target } = gpu;
      if (one) Object.defineProperty(gpu, "target", { value: { ...target, software: false }, configurable: true });
      const { ids } = await draw(gpu.tensor(values, [B, 3]), options);
      if (one) Reflect.deleteProperty(gpu, "target");
      expect(gpu.target).toBe(target);
      const differ = want.filter(({ id }, b) => id !== ids[b]);
      for (const { margin } of differ) expect(margin).toBeLessThan(1e-5);
      expect(differ.length).toBeLessThan(20);
    },
  );

  test("the smallest and the largest uniform number draw the first and the last id that has mass", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const streams = Int32Array.of(57_949_922, 21_099_247);
    // Found by search: the two ends of the 24 bits.
    expect([...streams].map((stream) => philoxRef([0, stream, 1, 0], [0, 0])[0]! >>> 8)).toEqual([0, 2 ** 24 - 1]);
    for (const V of [3, 100, 1031]) {
      const row = normals(V, 5).map((x, id) => (id === 0 || id === V - 1 ? Number.NEGATIVE_INFINITY : x));
      const logits = gpu.tensor([...row, ...row], [2, V]);
      const { ids } = await draw(logits, { seed: 0, step: 0, streams });
      expect(ids).toEqual([1, V - 2]);
    }
  });

  test("masked ids are never drawn; rows without a distribution give id 0 and NaN", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const low = Number.NEGATIVE_INFINITY;
    const rows = [
      [low, low, 3, low, low],
      [low, low, low, low, low],
      [1, Number.NaN, 2, 3, 4],
      [1, 2, Number.POSITIVE_INFINITY, 3, 4],
      [low, -3e38, low, 3e38, low],
      [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
      [low, -3.4028234663852886e38, low, low, low],
    ];
    const logits = gpu.tensor(rows.flat(), [7, 5]);
    const filtered: Filters = { topK: 4, topP: 0.9, minP: 0.01 };
    const all: readonly Filters[] = [{}, filtered, { temperature: 0 }, { temperature: 1e-40 }, { temperature: 1e40 }];
    for (const given of all) {
      for (let step = 0; step < 20; step++) {
        const { ids, logProbs } = await draw(logits, { ...given, seed: 1, step, streams: count(7) });
        expect(ids.filter((_, b) => b !== 4)).toEqual([2, 0, 0, 0, 0, 1]);
        expect(ids[4] === 3 || (given.temperature === 1e40 && ids[4] === 1)).toBe(true);
        expect([...logProbs].map(Number.isNaN)).toEqual([false, true, true, true, false, true, false]);
        expect([logProbs[0], logProbs[6]]).toEqual([0, 0]);
      }
    }
  });

  test("options and operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.zeros([2, 5]);
    const given = { seed: 1, step: 0, streams: count(2) };
    const refused: readonly [Partial<SampleRowsOptions>, string][] = [
      [{ temperature: -1 }, "temperature: expected >= 0 and finite, got -1."],
      [{ temperature: Number.POSITIVE_INFINITY }, "temperature: expected >= 0 and finite, got Infinity."],
      [{ temperature: Number.NaN }, "temperature: expected >= 0 and finite, got NaN."],
      [{ topK: 0 }, "topK: expected an integer >= 1, got 0."],
      [{ topK: 1.5 }, "topK: expected an integer >= 1, got 1.5."],
      [{ topP: 0 }, "topP: expected 0 < topP <= 1, got 0."],
      [{ topP: 1.01 }, "topP: expected 0 < topP <= 1, got 1.01."],
      [{ minP: -0.1 }, "minP: expected 0 <= minP <= 1, got -0.1."],
      [{ minP: Number.NaN }, "minP: expected 0 <= minP <= 1, got NaN."],
      [{ seed: 2 ** 53 }, "seed: expected an integer in [0, 2^53), got 9007199254740992."],
      [{ step: 2 ** 32 }, "step: expected an integer in [0, 2^32), got 4294967296."],
      [{ step: -1 }, "step: expected an integer in [0, 2^32), got -1."],
      [{ streams: Int32Array.of(0, -1) }, "streams[1]: expected 0 <= id < 2^31=2147483648, got -1."],
      [{ streams: count(3) }, "logits: expected [B=3, V], got [2, 5]."],
    ];
    for (const [change, message] of refused) {
      expect(() => sampleRows(logits, { ...given, ...change })).toThrow(`sampleRows: ${message}`);
    }
    expect(() => sampleRows(gpu.zeros([2, 0]), given)).toThrow("sampleRows: V: expected 1 to 16777216, got 0.");
    expect(() => sampleRows(gpu.zeros([2, 5], "u32"), given)).toThrow("sampleRows: logits: expected f32");
  });
});
