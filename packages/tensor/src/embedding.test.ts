import { integers, testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { embeddingBackwardRef, embeddingRef } from "./embedding.ref.ts";
import { embedding } from "./embedding.ts";

testOp("embedding", {
  cases: [
    { V: 1, D: 1, T: 1 },
    { V: 7, D: 7, T: 40 },
    { V: 129, D: 127, T: 129 },
    { V: 1000, D: 3, T: 700 },
    { V: 3, D: 300, T: 127 },
  ].map((params) => ({
    label: `V ${params.V}, D ${params.D}, T ${params.T}`,
    inputs: { weight: { shape: [params.V, params.D] } },
    params,
  })),
  op: ({ weight }, { V, T }) => embedding(weight!, integers(T, V, 5)),
  reference: ({ weight }, { V, D, T }) => {
    const ids = integers(T, V, 5);
    return {
      outputs: [embeddingRef(weight!, ids, D)],
      backward: ([dy]) => ({ weight: embeddingBackwardRef(dy!, ids, { V, D }) }),
    };
  },
});

testOp("embedding used twice, with a shape", {
  cases: [{ label: "[2, 3]", inputs: { weight: { shape: [5, 9] } }, params: undefined }],
  op: ({ weight }) =>
    add(embedding(weight!, Int32Array.of(4, 0, 4, 1, 4, 0), [2, 3]), embedding(weight!, new Int32Array(6), [2, 3])),
  reference: ({ weight }) => {
    const first = embeddingRef(weight!, [4, 0, 4, 1, 4, 0], 9);
    return {
      outputs: [first.map((v, i) => v + weight![i % 9]!)],
      backward: ([dy]) => {
        const a = embeddingBackwardRef(dy!, [4, 0, 4, 1, 4, 0], { V: 5, D: 9 });
        const b = embeddingBackwardRef(dy!, [0, 0, 0, 0, 0, 0], { V: 5, D: 9 });
        return { weight: a.map((v, i) => v + b[i]!) };
      },
    };
  },
});

const device = useTestGpu();

test("a parameter's gradient is added to; ids of views of the weight count from its first row", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const weight = gpu.tensor([0, 1, 10, 11, 20, 21], [3, 2]);
  weight.grad = gpu.tensor([100, 100, 100, 100, 100, 100], [3, 2]);
  using tape = gpu.tape();
  const y = embedding(weight, Int32Array.of(2, 0, 2), [1, 3]);
  tape.backward(y, gpu.tensor([1, 2, 3, 4, 5, 6], [1, 3, 2]));
  expect(y.shape).toEqual([1, 3, 2]);
  expect([...(await weight.grad.data())]).toEqual([103, 104, 100, 100, 106, 108]);
  const view = gpu.noGrad(() => embedding(weight.slice(1, 3), Int32Array.of(1, 0)));
  expect([...(await view.data())]).toEqual([20, 21, 10, 11]);
});

test("an empty list of ids", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const weight = tape.watch(gpu.full([3, 2], 1));
  const y = embedding(weight, new Int32Array(0));
  tape.backward(y);
  expect([y.shape, [...(await tape.gradient(weight)!.data())]]).toEqual([
    [0, 2],
    [0, 0, 0, 0, 0, 0],
  ]);
});

test("ids out of range are named by position", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const weight = gpu.zeros([5, 2]);
  expect(() => embedding(weight, Int32Array.of(1, 2, 5))).toThrow("embedding: ids[2]: expected 0 <= id < V=5, got 5.");
  expect(() => embedding(weight, Int32Array.of(-1))).toThrow("embedding: ids[0]: expected 0 <= id < V=5, got -1.");
  expect(() => embedding(weight, Int32Array.of(1, 2), [3])).toThrow(
    "embedding: shape: expected a shape of 2 elements, the number of ids, got [3].",
  );
  expect(() => embedding(gpu.zeros([5]), Int32Array.of(1))).toThrow("embedding: weight: expected [V, D], got [5].");
});
