import { OutOfRangeError, StateError } from "@ds3/errors";
import { testGpuOptions, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { add, mul, scale } from "./arithmetic.ts";
import { concatColumns, splitColumns } from "./columns.ts";
import { BindingLimitError } from "./errors.ts";
import { flatGrid } from "./grid.ts";
import { defineKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { openGpu } from "./open-gpu.ts";
import { fillNormal } from "./philox.ts";

const device = useTestGpu();

const copyKernel = defineKernel({
  label: "copy one",
  uniforms: { count: "u32", shift: "i32", factor: "f32" },
  reads: { source: "f32" },
  writes: { result: "f32" },
  body: "@compute @workgroup_size(1) fn main() { result[0] = source[0] * u.factor + f32(i32(u.count) + u.shift); }",
});

describe("dispatch", () => {
  test.each([
    ["u32 below zero", { count: -1, shift: 0, factor: 1 }],
    ["u32 above 2^32 - 1", { count: 2 ** 32, shift: 0, factor: 1 }],
    ["a fraction", { count: 1.5, shift: 0, factor: 1 }],
    ["NaN", { count: Number.NaN, shift: 0, factor: 1 }],
    ["i32 above 2^31 - 1", { count: 0, shift: 2 ** 31, factor: 1 }],
    ["f32 NaN", { count: 0, shift: 0, factor: Number.NaN }],
    ["f32 overflow", { count: 0, shift: 0, factor: 1e39 }],
    ["a missing one", { count: 0, shift: 0 }],
  ])("refuses uniforms that their type does not hold: %s", async (_, uniforms) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [source, result] = [gpu.full([1], 2), gpu.zeros([1])];
    // More often than slots in one submit: a refused dispatch takes none.
    for (let i = 0; i < 100; i++) {
      expect(() => gpu.dispatch(copyKernel, { source, result }, uniforms as Record<string, number>, [1])).toThrow(
        OutOfRangeError,
      );
    }
    gpu.dispatch(copyKernel, { source, result }, { count: 1, shift: -3, factor: 2 }, [1]);
    expect(await result.item()).toBe(2);
  });

  test("refuses more workgroups than a dimension holds; flatGrid spreads them", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [source, result] = [gpu.full([1], 2), gpu.zeros([1])];
    const encode = (groups: readonly [number, number?, number?]): void =>
      gpu.dispatch(copyKernel, { source, result }, { count: 0, shift: 0, factor: 1 }, groups);
    expect(() => encode([65_536])).toThrow(/copy one: groups: .*65535.*flatGrid/);
    expect(() => encode([1, Number.NaN])).toThrow(OutOfRangeError);
    encode(flatGrid(70_000, 1));
    expect(await result.item()).toBe(2);
  });

  test("refuses operands that are missing, of another device, shared, or outputs off the alignment", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [x, y] = [gpu.zeros([128]), gpu.zeros([4])];
    const other = await openGpu(testGpuOptions());
    const foreign = other.zeros([128]);
    const uniforms = { count: 0, shift: 0, factor: 1 };
    const encode = (operands: Record<string, typeof x>): void => gpu.dispatch(copyKernel, operands, uniforms, [1]);
    expect(() => encode({ source: x })).toThrow(/copy one: result: expected a tensor, got none/);
    expect(() => encode({ source: foreign, result: y })).toThrow(/source: expected a tensor of this device/);
    expect(() => encode({ source: x.slice(0, 64), result: x.slice(64, 128) })).toThrow(
      /result: .*the buffer of source/,
    );
    expect(() => encode({ source: y, result: x.slice(1, 5) })).toThrow(/multiple of 256 bytes, got 4/);
    const twoOutputs = defineKernel({
      label: "two outputs",
      uniforms: { n: "u32" },
      writes: { a: "f32", b: "f32" },
      body: "@compute @workgroup_size(1) fn main() { a[0] = f32(u.n); b[0] = f32(u.n); }",
    });
    expect(() => gpu.dispatch(twoOutputs, { a: x, b: x }, { n: 1 }, [1])).toThrow(StateError);
    gpu.dispatch(twoOutputs, { a: x.slice(0, 64), b: x.slice(64, 128) }, { n: 1 }, [1]);
    expect((await x.data()).filter(Boolean)).toHaveLength(2);
    await other.close();
  });

  test("two kernels of one label and more than 8 buffers are refused by name", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const operands = { source: gpu.zeros([1]), result: gpu.zeros([1]) };
    const uniforms = { count: 0, shift: 0, factor: 1 };
    gpu.dispatch(copyKernel, operands, uniforms, [1]);
    const impostor = { ...copyKernel, wgsl: `${copyKernel.wgsl} ` };
    expect(() => gpu.dispatch(impostor, operands, uniforms, [1])).toThrow(/"copy one".*compile-time parameter/);
    const writes = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`b${i}`, "f32" as const]));
    expect(() => defineKernel({ label: "wide", uniforms: {}, writes, body: "" })).toThrow(BindingLimitError);
  });

  test("a copy of an unaligned view lives no longer than its dispatch", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.zeros([8]);
    const live = gpu.stats.liveBuffers;
    scale(x.slice(1, 5), 2);
    expect(gpu.stats.liveBuffers).toBe(live + 1);
  });
});

test("bind groups are bounded however the shapes vary", async () => {
  const gpu = await openGpu(testGpuOptions());
  const x = gpu.zeros([4096 * 64]);
  const y = gpu.empty([4096]);
  const uniforms = { count: 0, shift: 0, factor: 1 };
  for (let i = 0; i < 9000; i++) {
    const source = x.slice((i % 4096) * 64, (i % 4096) * 64 + 1 + Math.floor(i / 4096));
    gpu.dispatch(copyKernel, { source, result: y }, uniforms, [1]);
  }
  expect(gpu.stats.bindGroups).toBeLessThanOrEqual(8192);
  expect(gpu.stats.bindGroups).toBeGreaterThan(0);
  await gpu.close();
});

describe("transfers", () => {
  test("uploads in mid-step to a view whose buffer encoded commands read", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.tensor([1, 2, 3, 4]);
    const doubled = scale(x, 2);
    gpu.write(x.slice(1, 3), [20, 30]);
    const after = scale(x, 2);
    expect([...(await doubled.data()), ...(await after.data())]).toEqual([2, 4, 6, 8, 2, 40, 60, 8]);
  });

  test("many tensors are read at once, also while more is encoded", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const tensors = Array.from({ length: 40 }, (_, i) => gpu.full([1], i));
    const reads = tensors.map((tensor) => scale(tensor, 2).item());
    scale(tensors[0]!, 5);
    expect(await Promise.all(reads)).toEqual(tensors.map((_, i) => 2 * i));
  });

  test("a tensor may be freed while it is read", async () => {
    const { gpu } = device;
    const scope = gpu.scope();
    const reading = gpu.full([2], 3).data();
    scope.close();
    gpu.free(gpu.full([2], 9));
    expect([...(await reading)]).toEqual([3, 3]);
  });

  test("copies are checked, and nothing is copied from an empty tensor", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [x, y] = [gpu.tensor([1, 2, 3, 4]), gpu.tensor([5, 6])];
    expect(() => gpu.copy(y, x, 12)).toThrow(OutOfRangeError);
    expect(() => gpu.copy(y, x, 2)).toThrow(OutOfRangeError);
    expect(() => gpu.copy(x.slice(0, 1), x, 8)).toThrow(StateError);
    gpu.copy(y.slice(2, 2), x, 0);
    gpu.copy(y, x, 4);
    expect([...(await x.data())]).toEqual([1, 5, 6, 4]);
  });
});

test("empty tensors go through every op of the core", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  // The slice starts at the end of a buffer that is full to its last byte.
  const full = tape.watch(gpu.zeros([64, 1]));
  const empty = full.slice(64, 64);
  const sum = add(scale(empty, 2), mul(empty, empty));
  const product = matmul(empty, gpu.zeros([1, 3]));
  const inner = matmul(empty.reshape([1, 0]), gpu.zeros([0, 2]));
  const [none, all] = splitColumns(gpu.full([2, 3], 1), [0, 3]);
  const joined = concatColumns([all!, none!, empty.reshape([2, 0])]);
  fillNormal(gpu.empty([0]), 1, { seed: 1 });
  gpu.write(empty, []);
  gpu.clear(empty);
  expect([sum, product, joined].map(({ shape }) => shape)).toEqual([
    [0, 1],
    [0, 3],
    [2, 3],
  ]);
  expect([...(await inner.data())]).toEqual([0, 0]);
  expect([...(await joined.data())]).toEqual([1, 1, 1, 1, 1, 1]);
  expect(await sum.data()).toHaveLength(0);
  tape.backwardFrom([
    [sum, gpu.zeros([0, 1])],
    [inner, gpu.full([1, 2], 1)],
  ]);
  expect((await tape.gradient(full)!.data()).every((g) => g === 0)).toBe(true);
  await gpu.idle();
});
