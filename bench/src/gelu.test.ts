import { add } from "@ds3/tensor";
import { expectNear, KERNEL_TARGETS, normals, testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { gelu } from "./gelu.ts";

testOp("gelu", {
  cases: [[1], [7], [127], [129], [4, 33], [3, 5, 7], [129, 96], [2, 4100]].map((shape) => ({
    label: `[${shape.join(", ")}]`,
    inputs: { x: { shape } },
    params: undefined,
  })),
  op: ({ x }) => gelu(x!),
  reference: ({ x }) => reference(x!),
});

testOp("gelu of a view, used twice", {
  cases: [4, 5].map((columns) => ({
    label: `[4, ${columns}]`,
    inputs: { x: { shape: [4, columns] } },
    params: columns,
  })),
  op: ({ x }) => add(gelu(x!.slice(1, 3)), gelu(x!.slice(1, 3))),
  reference: ({ x }, columns) => {
    const { outputs, backward } = reference(x!.subarray(columns, 3 * columns));
    return {
      outputs: [outputs[0].map((v) => 2 * v)],
      backward: ([dy]) => {
        const grad = new Float64Array(4 * columns);
        grad.set(
          backward([dy!]).x.map((v) => 2 * v),
          columns,
        );
        return { x: grad };
      },
    };
  },
});

const device = useTestGpu();

test("large values neither overflow nor become NaN", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([-1e30, -200, -11, 0, 11, 200, 1e30, 1]));
  const y = gelu(x);
  tape.backward(y);
  const values = await y.data();
  expect([...values].slice(1, 6).map((v) => Math.round(v * 1e6) / 1e6 + 0)).toEqual([0, 0, 0, 11, 200]);
  expect(Math.abs(values[0]!)).toBeLessThan(1e-6);
  expect(values[6]).toBe(Math.fround(1e30));
  const gradient = [...(await tape.gradient(x)!.data())].map((v) => Math.round(v * 1e6) / 1e6 + 0);
  expect(gradient.slice(0, 7)).toEqual([0, 0, 0, 0.5, 1, 1, 1]);
});

test("the variant for hardware gives the same numbers", async () => {
  const { gpu } = device;
  const run = async (): Promise<Float32Array[]> => {
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor(normals(5000, 1)));
    const y = add(gelu(x), gelu(x));
    tape.backward(y, gpu.tensor(normals(5000, 2)));
    return [await y.data(), await tape.gradient(x)!.data()];
  };
  const here = await run();
  Object.defineProperty(gpu, "target", { value: KERNEL_TARGETS["hardware without f16"], configurable: true });
  const before = gpu.stats.pipelines;
  const there = await run();
  Reflect.deleteProperty(gpu, "target");
  expect(gpu.stats.pipelines - before, "new pipelines").toBeGreaterThan(2);
  for (const [i, values] of there.entries()) expectNear(`${i}`, values, here[i]!, [5000], 1e-6);
});

/** y = v (1 + tanh p) / 2, p = sqrt(2 / pi) (v + 0.044715 v^3). */
function reference(x: Float64Array) {
  const inner = (v: number): number => Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);
  const slope = (v: number): number => Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * v * v);
  return {
    outputs: [x.map((v) => 0.5 * v * (1 + Math.tanh(inner(v))))] as [Float64Array],
    backward: ([dy]: readonly Float64Array[]): { x: Float64Array } => ({
      x: x.map((v, i) => {
        const t = Math.tanh(inner(v));
        return dy![i]! * (0.5 * (1 + t) + 0.5 * v * (1 - t * t) * slope(v));
      }),
    }),
  };
}
