/** What holds for all linear layers: error bounds, memory, not-a-number, checkpoints. */
import { Arena, cast, checkpoint, createRowGroups, type Gpu, gradientNorm, type Tensor } from "@ds3/tensor";
import { matmulRef } from "@ds3/tensor/reference";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { dequantize } from "./dequantize.ts";
import { fp8Linears } from "./fp8-linears.ts";
import { quantize } from "./quantize.ts";
import { requantize } from "./requantize.ts";

const device = useTestGpu();
const linears = fp8Linears();
const [T, I, O] = [256, 256, 128];

/** Largest relative error of rounding to e4m3, and the largest absolute one below its normal numbers, of amax. */
const UNIT = 2 ** -4;
const SUBNORMAL = 2 ** -9 / 448;
/** Roundings to e4m3 on the way of x to wgrad: row tiles, then column tiles; behind attention the first has 7 bits. */
const CACHED_UNIT = { qB: (1 + UNIT) ** 2 - 1, o: (1 + UNIT) * (1 + 2 ** -7) - 1 };

/** What is left of a matrix at most: |x| (1 + unit), and half a subnormal step for each rounding. */
function largest(values: Float64Array, unit: number): Float64Array {
  const amax = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return values.map((value) => Math.abs(value) * (1 + unit) + 2 * SUBNORMAL * amax);
}

describe.each(["qB", "o"] as const)("linear, site %s", (site) => {
  test("differs from the exact one by what roundings allow, and by a few percent", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [x, w, dy] = [normals(T * I, 1), normals(O * I, 2), normals(T * O, 3)].map((v) => v.map(Math.fround)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const operands = { x: tape.watch(gpu.tensor(x, [T, I])), w: tape.watch(gpu.tensor(w, [O, I])) };
    const y = linears.linear(operands.x, operands.w, site);
    tape.backward(y, gpu.tensor(dy, [T, O]));
    const cached = CACHED_UNIT[site];
    for (const [name, got, a, b, unit, shape] of [
      ["y", y, x, w, UNIT, { m: T, n: O, k: I, transposeB: true }],
      ["dx", tape.gradient(operands.x)!, dy, w, UNIT, { m: T, n: I, k: O }],
      ["dw", tape.gradient(operands.w)!, dy, x, cached, { m: O, n: I, k: T, transposeA: true }],
    ] as const) {
      const exact = matmulRef(a, b, shape);
      const least = matmulRef(a.map(Math.abs), b.map(Math.abs), shape);
      const most = matmulRef(largest(a, UNIT), largest(b, unit), shape);
      const errors = (await got.data()).map((value, i) => value - exact[i]!);
      for (const [i, error] of errors.entries()) expect(Math.abs(error), name).toBeLessThan(most[i]! - least[i]!);
      const relative = Math.hypot(...errors) / Math.hypot(...exact);
      expect(relative, name).toBeGreaterThan(0.02);
      expect(relative, name).toBeLessThan(0.05);
    }
  });
});

test("several leading axes, a slice as input, a parameter whose gradient is added to, x without a gradient", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const weight = gpu.tensor(normals(7 * 4, 5), [7, 4]);
  const dy = gpu.tensor(normals(28, 6), [2, 2, 7]);
  const run = async (x: Tensor): Promise<Float32Array> => {
    using tape = gpu.tape();
    const y = linears.linear(x, weight);
    expect(y.shape).toEqual([...x.shape.slice(0, -1), 7]);
    tape.backward(y, dy.reshape(y.shape));
    return (await weight.grad!.data()).slice();
  };
  const all = gpu.tensor(normals(5 * 2 * 4, 4), [5, 2, 4]);
  weight.grad = gpu.zeros([7, 4]);
  const once = await run(all.slice(1, 3));
  weight.grad = gpu.full([7, 4], 9);
  expect(await run(all.slice(1, 3).reshape([4, 4]))).toEqual(once.map((value) => Math.fround(value + 9)));
});

test("from row to column tiles, scales that are powers of two lose nothing above the subnormal numbers", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = normals(T * 8, 1).map((value, i) => value * 4 ** (i % 7));
  const lost = async (scales: "f32" | "powerOfTwo"): Promise<number> => {
    const rows = quantize(gpu.tensor(values, [T, 8]), { tiling: "row", scales });
    const columns = requantize(rows, { tiling: "column", scales });
    const [before, after, steps] = [await dequantize(rows).data(), await dequantize(columns).data(), columns.scales];
    const least = (await steps.data()).map((scale) => scale * 2 ** -6);
    const normal = (i: number): boolean => Math.abs(before[i]!) >= least[8 * Math.floor(i / 1024) + (i % 8)]!;
    return [...before.keys()].filter((i) => normal(i) && before[i] !== after[i]).length;
  };
  expect(await lost("powerOfTwo")).toBe(0);
  expect(await lost("f32")).toBeGreaterThan(T);
});

test("zeros everywhere give zeros", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const [x, w] = [tape.watch(gpu.zeros([130, 12])), tape.watch(gpu.zeros([6, 12]))];
  const y = linears.linear(x, w);
  tape.backward(y, gpu.zeros([130, 6]));
  for (const tensor of [y, tape.gradient(x)!, tape.gradient(w)!]) {
    expect((await tensor.data()).every((value) => value === 0)).toBe(true);
  }
});

interface Layer {
  readonly input: readonly number[];
  readonly weight: readonly number[];
  /** Bytes of codes and scales of the input, and of the weight. */
  readonly bytes: number;
  /** Dispatches for what is kept for backward alone; default 0. */
  readonly keeping?: number;
  /** Of the result; default f32. */
  readonly dtype?: "bf16";
  run(input: Tensor, weight: Tensor): Tensor;
}

/** Codes of 8 or 12 bits and the f32 scales of row tiles; of block tiles. */
const rowBytes = (rows: number, columns: number, bits = 8): number =>
  rows * ((columns * bits) / 8 + (columns / 128) * 4);
const weightBytes = O * I + (O / 128) * (I / 128) * 4;
const groupsOf = (gpu: Gpu) => createRowGroups(gpu.tensor([0, 100, T], [3], "u32"), T);

const layers: Record<string, Layer> = {
  linear: { input: [T, I], weight: [O, I], bytes: rowBytes(T, I) + weightBytes, run: linears.linear },
  "linear behind attention": {
    input: [T, I],
    weight: [O, I],
    bytes: rowBytes(T, I, 12) + weightBytes,
    keeping: 1,
    run: (x, w) => linears.linear(x, w, "o"),
  },
  gatedLinear: {
    input: [T, 2 * I],
    weight: [O, I],
    bytes: rowBytes(T, 2 * I) + weightBytes,
    keeping: 1,
    run: linears.gatedLinear,
  },
  groupedLinear: {
    input: [T, I],
    weight: [2, O, I],
    bytes: rowBytes(T, I) + 2 * weightBytes,
    run: (x, w) => linears.groupedLinear(x, w, groupsOf(x.gpu)),
  },
  "groupedLinear of the down-projection": {
    input: [T, I],
    weight: [2, O, I],
    bytes: rowBytes(T, I) + 2 * weightBytes,
    dtype: "bf16",
    run: (x, w) => linears.groupedLinear(x, w, groupsOf(x.gpu), "down"),
  },
  groupedGatedLinear: {
    input: [T, 2 * I],
    weight: [2, O, I],
    bytes: rowBytes(T, 2 * I) + 2 * weightBytes,
    keeping: 1,
    dtype: "bf16",
    run: (z, w) => linears.groupedGatedLinear(z, w, groupsOf(z.gpu)),
  },
};

describe.each(Object.entries(layers))("%s", (_, layer) => {
  const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b);

  test("keeps codes and scales alone, no f32 input, and leaves no buffer behind", () => {
    const { gpu } = device;
    const before = gpu.stats;
    {
      using _scope = gpu.scope();
      using tape = gpu.tape();
      const weight = tape.watch(gpu.empty(layer.weight));
      const without = gpu.stats;
      let y: Tensor;
      {
        using inner = gpu.scope();
        y = inner.keep(layer.run(tape.watch(gpu.zeros(layer.input)), weight));
      }
      expect([y.dtype, y.bytes]).toEqual([layer.dtype ?? "f32", T * O * (layer.dtype ? 2 : 4)]);
      const held = gpu.stats.liveBytes - without.liveBytes - y.bytes;
      // Sizes of buffers are rounded up by less than a quarter; offsets and tiles of experts are small.
      expect(held).toBeGreaterThanOrEqual(layer.bytes);
      expect(held).toBeLessThan(1.25 * layer.bytes + 2048);
      expect(held).toBeLessThan(size(layer.input) * 4);
      tape.backward(y);
    }
    expect(gpu.stats.liveBuffers).toBe(before.liveBuffers);
  });

  test("without a tape keeps its result alone", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [input, weight] = [gpu.zeros(layer.input), gpu.zeros(layer.weight)];
    const groups = layer.weight.length === 3 ? 2 + 1 : 0;
    const before = gpu.stats.liveBuffers;
    layer.run(input, weight);
    expect(gpu.stats.liveBuffers - before).toBeLessThanOrEqual(1 + groups);
  });

  test("rounds for backward only where a tape runs it", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [input, weight] = [gpu.zeros(layer.input), gpu.zeros(layer.weight)];
    const dispatchesOf = (run: () => unknown): number => {
      const before = gpu.stats.dispatches;
      run();
      return gpu.stats.dispatches - before;
    };
    const least = dispatchesOf(() => layer.run(input, weight));
    using tape = gpu.tape();
    expect(dispatchesOf(() => layer.run(input, weight))).toBe(least);
    tape.watch(weight);
    expect(dispatchesOf(() => layer.run(input, weight)) - least).toBe(layer.keeping ?? 0);
    expect(dispatchesOf(() => checkpoint(gpu, [input], (inner) => layer.run(inner, weight)))).toBe(least);
  });

  test("checkpoint gives the same gradients", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const values = gpu.tensor(normals(size(layer.input), 1), layer.input);
    const weight = gpu.tensor(normals(size(layer.weight), 2), layer.weight);
    const dy = gpu.tensor(normals(T * O, 3), [T, O]);
    const gradients = async (run: (input: Tensor) => Tensor): Promise<Float32Array[]> => {
      using tape = gpu.tape();
      const input = tape.watch(values.reshape(values.shape));
      tape.watch(weight);
      tape.backward(run(input), dy);
      return [await tape.gradient(input)!.data(), await tape.gradient(weight)!.data()];
    };
    const want = await gradients((input) => layer.run(input, weight));
    weight.grad = gpu.zeros(layer.weight);
    const parameter = weight.grad;
    using tape = gpu.tape();
    const input = tape.watch(values.reshape(values.shape));
    tape.backward(
      checkpoint(gpu, [input], (inner) => layer.run(inner, weight)),
      dy,
    );
    expect(await tape.gradient(input)!.data()).toEqual(want[0]);
    expect(await parameter.data()).toEqual(want[1]);
  });

  test.each([
    ["an input of NaN", Number.NaN],
    ["an infinite input", Number.NEGATIVE_INFINITY],
  ])("%s: NaN in its row and in the weight's gradient, which gradientNorm tells", async (_name, bad) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const arena = new Arena(gpu, [{ name: "w", shape: layer.weight, decay: true }]);
    const weight = arena.get("w");
    gpu.write(weight, normals(weight.size, 2));
    const columns = layer.input[1]!;
    const values = normals(size(layer.input), 1);
    values[3 * columns + 5] = bad;
    const y = layer.run(gpu.tensor(values, layer.input), weight);
    tape.backward(y, gpu.tensor(normals(T * O, 3), [T, O]));
    const rows = await cast(y, "f32").data();
    expect(rows.subarray(3 * O, 4 * O).every(Number.isNaN)).toBe(true);
    expect([...rows.keys()].filter((i) => Number.isNaN(rows[i]))).toHaveLength(O);
    const gradient = await weight.grad!.data();
    // The tile of 128 columns in all outputs of the weight that saw the row.
    expect([...gradient.keys()].filter((i) => Number.isNaN(gradient[i]))).toHaveLength(O * 128);
    expect(Number.isNaN(gradient[5])).toBe(true);
    const stats = await gradientNorm(arena.segments, gpu.full([1], 1)).data();
    expect(stats[2]).toBe(1);
  });

  test("a gradient of NaN: NaN in its row of the input's gradient and in the weight's", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const input = tape.watch(gpu.tensor(normals(size(layer.input), 1), layer.input));
    const weight = tape.watch(gpu.tensor(normals(size(layer.weight), 2), layer.weight));
    const dy = normals(T * O, 3);
    dy[7 * O + 1] = Number.NaN;
    tape.backward(layer.run(input, weight), gpu.tensor(dy, [T, O]));
    const columns = layer.input[1]!;
    const dx = await tape.gradient(input)!.data();
    expect(dx.subarray(7 * columns, 8 * columns).every(Number.isNaN)).toBe(true);
    expect([...dx.keys()].filter((i) => Number.isNaN(dx[i]))).toHaveLength(columns);
    const dw = await tape.gradient(weight)!.data();
    expect(dw.subarray(I, 2 * I).every(Number.isNaN)).toBe(true);
  });
});
