import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { concatColumnsRef, splitColumnsRef } from "./columns.ref.ts";
import { swigluBackwardRef, swigluRef } from "./swiglu.ref.ts";
import { swiglu } from "./swiglu.ts";

testOp("swiglu", {
  cases: [
    [1, 2],
    [7, 8],
    [129, 64],
    [7, 14],
    [2, 3, 254],
    [129, 258],
    [2, 3000],
    [500, 6],
  ].map((shape) => ({
    label: `[${shape.join(", ")}]`,
    inputs: { x: { shape } },
    params: shape.at(-1)! / 2,
  })),
  op: ({ x }) => swiglu(x!),
  reference: ({ x }, F) => reference(x!, F),
});

testOp("swiglu of a view, used twice", {
  cases: [{ label: "[4, 10]", inputs: { x: { shape: [4, 10] } }, params: undefined }],
  op: ({ x }) => add(swiglu(x!.slice(1, 3)), swiglu(x!.slice(1, 3))),
  reference: ({ x }) => {
    const { outputs, backward } = reference(x!.subarray(10, 30), 5);
    return {
      outputs: [outputs[0]!.map((v) => 2 * v)],
      backward: ([dy]) => {
        const grad = new Float64Array(40);
        grad.set(
          backward([dy!]).x!.map((v) => 2 * v),
          10,
        );
        return { x: grad };
      },
    };
  },
});

function reference(x: Float64Array, F: number) {
  const [gate, up] = splitColumnsRef(x, [F, F]);
  return {
    outputs: [swigluRef(gate!, up!)],
    backward: ([dy]: readonly Float64Array[]) => {
      const gradient = swigluBackwardRef(dy!, gate!, up!);
      return { x: concatColumnsRef([gradient.gate, gradient.up], [F, F]) };
    },
  };
}

const device = useTestGpu();

test("large gates neither overflow nor become NaN", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([-200, 200, 1, 1], [1, 4]));
  const y = swiglu(x);
  tape.backward(y);
  const [low, high] = await y.data();
  expect(low).toBeCloseTo(0, 30);
  expect(high).toBe(200);
  expect([...(await tape.gradient(x)!.data())].map((v) => Math.round(v * 1e6) / 1e6 + 0)).toEqual([0, 1, 0, 200]);
});

test("an odd last axis is refused", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  expect(() => swiglu(gpu.zeros([2, 7]))).toThrow("swiglu: x: expected [..., 2F], got [2, 7].");
  expect(() => swiglu(gpu.zeros([2, 8], "u32"))).toThrow("swiglu: x: expected f32, got [2, 8] u32.");
});
