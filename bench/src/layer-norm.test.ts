import { add } from "@ds3/tensor";
import { expectNear, KERNEL_TARGETS, normals, testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { addLayerNorm } from "./layer-norm.ts";

const eps = 1e-5;

testOp("addLayerNorm", {
  cases: [
    [1, 2],
    [7, 7],
    [6, 4],
    [129, 127],
    [300, 36],
    [64, 128],
    [1, 1000],
    [700, 5],
  ].map((shape) => ({
    label: `[${shape.join(", ")}]`,
    inputs: { a: { shape }, b: { shape }, gain: { shape: [shape[1]!] } },
    // With two columns and a small eps the terms of dx cancel to nothing.
    params: shape[1] === 2 ? 0.5 : eps,
  })),
  op: ({ a, b, gain }, eps) => {
    const { sum, normed } = addLayerNorm(a!, b!, gain!, eps);
    return [sum, normed];
  },
  reference,
});

testOp("addLayerNorm of a view, added to itself and used twice", {
  cases: [40, 9].map((D) => ({
    label: `[6, ${D}]`,
    inputs: { a: { shape: [6, D] }, gain: { shape: [D] } },
    params: D,
  })),
  op: ({ a, gain }) => {
    const rows = a!.slice(1, 6);
    const first = addLayerNorm(rows, rows, gain!, eps);
    return [add(first.sum, rows), add(first.normed, addLayerNorm(rows, rows, gain!, eps).normed)];
  },
  reference: ({ a, gain }, D) => {
    const rows = a!.subarray(D);
    const { outputs, backward } = reference({ a: rows, b: rows, gain: gain! }, eps);
    return {
      outputs: [outputs[0].map((v, i) => v + rows[i]!), outputs[1].map((v) => 2 * v)],
      backward: ([dsum, dy]) => {
        const inner = backward([dsum!, dy!.map((v) => 2 * v)]);
        const grad = new Float64Array(a!.length);
        grad.set(
          inner.a.map((v, i) => 2 * v + dsum![i]!),
          D,
        );
        return { a: grad, gain: inner.gain };
      },
    };
  },
});

const device = useTestGpu();

test("passes on the one gradient that came", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [values, dy] = [Float64Array.of(1, 2, 4, 4), Float64Array.of(1, 2, 3, 4)];
  const run = async (pick: "sum" | "normed"): Promise<ArrayLike<number>[]> => {
    using tape = gpu.tape();
    const a = tape.watch(gpu.tensor(values, [1, 4]));
    const gain = tape.watch(gpu.tensor([2, -1, 1, 3]));
    tape.backward(addLayerNorm(a, gpu.zeros([1, 4]), gain, eps)[pick], gpu.tensor(dy, [1, 4]));
    return [await tape.gradient(a)!.data(), (await tape.gradient(gain)?.data()) ?? []];
  };
  expect(await run("sum")).toEqual([Float32Array.from(dy), []]);
  const operands = { a: values, b: new Float64Array(4), gain: Float64Array.of(2, -1, 1, 3) };
  const want = reference(operands, eps).backward([new Float64Array(4), dy]);
  const [da, dgain] = await run("normed");
  expectNear("da", da!, want.a, [1, 4], 2e-5);
  expectNear("dgain", dgain!, want.gain, [4], 2e-5);
});

test("a sum's gradient that somebody watches is not written over", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const [a, gain] = [tape.watch(gpu.tensor([1, 2, 4, 4], [1, 4])), gpu.full([4], 1)];
  const { sum, normed } = addLayerNorm(a, gpu.zeros([1, 4]), gain, eps);
  tape.watch(sum);
  tape.backwardFrom([
    [sum, gpu.tensor([1, 2, 3, 4], [1, 4])],
    [normed, gpu.tensor([1, 0, 0, 0], [1, 4])],
  ]);
  expect([...(await tape.gradient(sum)!.data())]).toEqual([1, 2, 3, 4]);
  expect([...(await tape.gradient(a)!.data())]).not.toEqual([1, 2, 3, 4]);
});

test("rows far from zero and rows whose first element stands out keep their variance", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [T, D] = [4, 128];
  const a = normals(T * D, 1).map((v, i) => Math.fround(i < 2 * D ? v + 1000 : v));
  for (let row = 2; row < T; row++) a[row * D] = 1e4;
  const [b, gain] = [new Float64Array(T * D), new Float64Array(D).fill(1)];
  const { normed } = addLayerNorm(gpu.tensor(a, [T, D]), gpu.tensor(b, [T, D]), gpu.tensor(gain), eps);
  expectNear("normed", await normed.data(), reference({ a, b, gain }, eps).outputs[1], [T, D], 1e-4);
});

test("empty tensors are refused", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const empty = gpu.zeros([0, 4]);
  expect(() => addLayerNorm(empty, empty, gpu.zeros([4]), eps)).toThrow("addLayerNorm: a: expected T, D > 0");
});

test("the variant for hardware gives the same numbers", async () => {
  const { gpu } = device;
  const run = async (T: number, D: number): Promise<Float32Array[]> => {
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [a, b] = [gpu.tensor(normals(T * D, 1), [T, D]), gpu.tensor(normals(T * D, 2), [T, D])];
    const gain = tape.watch(gpu.tensor(normals(D, 3)));
    const { sum, normed } = addLayerNorm(tape.watch(a), b, gain, eps);
    tape.backwardFrom([
      [sum, b],
      [normed, a],
    ]);
    return [await normed.data(), await tape.gradient(a)!.data(), await tape.gradient(gain)!.data()];
  };
  const both = async (): Promise<Float32Array[]> => [...(await run(300, 129)), ...(await run(70, 400))];
  const here = await both();
  Object.defineProperty(gpu, "target", { value: KERNEL_TARGETS["hardware without f16"], configurable: true });
  const before = gpu.stats.pipelines;
  const there = await both();
  Reflect.deleteProperty(gpu, "target");
  expect(gpu.stats.pipelines - before, "new pipelines").toBeGreaterThan(4);
  for (const [i, values] of there.entries()) expectNear(`${i}`, values, here[i]!, [values.length], 2e-5);
});

/** With x = a + b, h = (x - mean) r, g = dy gain: y = h gain, dx = dsum + r (g - mean(g) - h mean(g h)). */
function reference({ a, b, gain }: Readonly<Record<string, Float64Array>>, eps: number) {
  const D = gain!.length;
  const sum = a!.map((v, i) => v + b![i]!);
  const scales: number[] = [];
  const h = byRow(sum, D, (row) => {
    const mean = average(row);
    const r = 1 / Math.sqrt(average(row.map((v) => (v - mean) ** 2)) + eps);
    scales.push(r);
    return row.map((v) => (v - mean) * r);
  });
  return {
    outputs: [sum, h.map((v, i) => v * gain![i % D]!)] as [Float64Array, Float64Array],
    backward: ([dsum, dy]: readonly Float64Array[]) => {
      const dgain = new Float64Array(D);
      for (const [i, v] of h.entries()) dgain[i % D] += dy![i]! * v;
      const g = dy!.map((v, i) => v * gain![i % D]!);
      const dx = byRow(g, D, (row, n) => {
        const own = h.subarray(n * D, (n + 1) * D);
        const [mean, meanH] = [average(row), average(row.map((v, i) => v * own[i]!))];
        return row.map((v, i) => dsum![n * D + i]! + scales[n]! * (v - mean - own[i]! * meanH));
      });
      return { a: dx, b: dx, gain: dgain };
    },
  };
}

function byRow(x: Float64Array, D: number, map: (row: Float64Array, n: number) => Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let n = 0; n * D < x.length; n++) out.set(map(x.subarray(n * D, (n + 1) * D), n), n * D);
  return out;
}

function average(row: Float64Array): number {
  return row.reduce((sum, v) => sum + v, 0) / row.length;
}
