import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { addScaledRef, mulRef, scaleRef } from "./arithmetic.ref.ts";
import { add, addScaled, mul, scale } from "./arithmetic.ts";

const shapes = [[1], [7], [4], [127, 129], [33, 128], [2, 3, 700]];
const cases = shapes.map((shape) => ({
  label: `[${shape.join(", ")}]`,
  inputs: { a: { shape }, b: { shape } },
  params: undefined,
}));

testOp("add", {
  cases,
  op: ({ a, b }) => add(a!, b!),
  reference: ({ a, b }) => ({ outputs: [addScaledRef(a!, b!)], backward: ([dy]) => ({ a: dy!, b: dy! }) }),
});

testOp("addScaled", {
  cases,
  op: ({ a, b }) => addScaled(a!, b!, -0.75),
  reference: ({ a, b }) => ({
    outputs: [addScaledRef(a!, b!, -0.75)],
    backward: ([dy]) => ({ a: dy!, b: scaleRef(dy!, -0.75) }),
  }),
});

testOp("scale", {
  cases: cases.map(({ label, inputs, params }) => ({ label, inputs: { a: inputs.a }, params })),
  op: ({ a }) => scale(a!, 1.5),
  reference: ({ a }) => ({ outputs: [scaleRef(a!, 1.5)], backward: ([dy]) => ({ a: scaleRef(dy!, 1.5) }) }),
});

testOp("mul", {
  cases,
  op: ({ a, b }) => mul(a!, b!),
  reference: ({ a, b }) => ({
    outputs: [mulRef(a!, b!)],
    backward: ([dy]) => ({ a: mulRef(dy!, b!), b: mulRef(dy!, a!) }),
  }),
});

testOp("arithmetic on one input, used four times, by views", {
  cases: [{ label: "[5, 7]", inputs: { a: { shape: [5, 7] } }, params: undefined }],
  op: ({ a }) => addScaled(mul(a!.slice(1, 3), a!.slice(1, 3)), add(a!.slice(2, 4), scale(a!.slice(3, 5), 3)), 2),
  reference: ({ a }) => ({
    outputs: [a!.subarray(7, 21).map((v, i) => v * v + 2 * (a![14 + i]! + 3 * a![21 + i]!))],
    backward: ([dy]) => {
      const grad = new Float64Array(35);
      for (const [i, d] of dy!.entries()) {
        grad[7 + i]! += 2 * a![7 + i]! * d;
        grad[14 + i]! += 2 * d;
        grad[21 + i]! += 6 * d;
      }
      return { a: grad };
    },
  }),
});

const device = useTestGpu();

test("a parameter's gradient is added to", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const a = gpu.tensor([1, 2, 3]);
  a.grad = gpu.tensor([10, 20, 30]);
  using tape = gpu.tape();
  tape.backward(mul(a, scale(a, 2)), gpu.tensor([1, 1, 1]));
  expect([...(await a.grad.data())]).toEqual([14, 28, 42]);
});

test("one dispatch forward, none backward for add", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const a = tape.watch(gpu.tensor([1, 2]));
  const b = tape.watch(gpu.tensor([3, 4]));
  const before = gpu.stats.dispatches;
  tape.backward(add(a, b));
  expect(gpu.stats.dispatches - before).toBe(1);
  expect([...(await tape.gradient(b)!.data())]).toEqual([1, 1]);
});

test("shapes and dtypes are checked", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const a = gpu.zeros([2, 3]);
  expect(() => add(a, gpu.zeros([3, 2]))).toThrow(
    "add: b: expected [2, 3], the shape of a, got [3, 2]. Shapes must be equal; there is no broadcasting.",
  );
  expect(() => mul(a, gpu.zeros([6]))).toThrow("mul: b: expected [2, 3]");
  expect(() => scale(gpu.zeros([2], "i32"), 2)).toThrow("scale: a: expected f32, got [2] i32.");
});
