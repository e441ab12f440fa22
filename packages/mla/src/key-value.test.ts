import { ShapeError } from "@ds3/errors";
import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { type KeyValueRefShape, keyValueRef } from "./key-value.ref.ts";
import { assembleKeyValue } from "./key-value.ts";

const shapes: KeyValueRefShape[] = [
  { T: 1, N: 1, nope: 1, rope: 2, value: 1 },
  { T: 7, N: 3, nope: 12, rope: 4, value: 20 },
  { T: 127, N: 2, nope: 7, rope: 6, value: 9 },
  { T: 129, N: 1, nope: 33, rope: 10, value: 17 },
];

testOp<KeyValueRefShape>("assembleKeyValue", {
  cases: shapes.map((params) => {
    const { T, N, nope, rope, value } = params;
    return {
      label: `T${T} N${N} ${nope}+${rope}/${value}`,
      params,
      inputs: { kv: { shape: [T, N, nope + value] }, ropeKey: { shape: [T, rope] } },
    };
  }),
  op: ({ kv, ropeKey }, { nope }) => {
    const { k, v } = assembleKeyValue(kv!, ropeKey!, nope);
    return [k, v];
  },
  reference: ({ kv, ropeKey }, params) => {
    const { k, v, backward } = keyValueRef(params, kv!, ropeKey!);
    return { outputs: [k, v], backward: ([dk, dv]) => backward(dk!, dv!) };
  },
});

testOp<KeyValueRefShape>("assembleKeyValue of views", {
  cases: [
    {
      label: "T3 of 5",
      params: { T: 3, N: 2, nope: 3, rope: 2, value: 5 },
      inputs: { kv: { shape: [5, 2, 8] }, ropeKey: { shape: [5, 2] } },
    },
  ],
  op: ({ kv, ropeKey }, { nope }) => {
    const { k, v } = assembleKeyValue(kv!.slice(1, 4), ropeKey!.slice(1, 4), nope);
    return [k, v];
  },
  reference: ({ kv, ropeKey }, params) => {
    const { k, v, backward } = keyValueRef(params, kv!.slice(16, 64), ropeKey!.slice(2, 8));
    const padded = (gradient: Float64Array, size: number, at: number): Float64Array => {
      const whole = new Float64Array(size);
      whole.set(gradient, at);
      return whole;
    };
    return {
      outputs: [k, v],
      backward: ([dk, dv]) => {
        const gradients = backward(dk!, dv!);
        return { kv: padded(gradients.kv, 80, 16), ropeKey: padded(gradients.ropeKey, 10, 2) };
      },
    };
  },
});

const device = useTestGpu();

test("token counts that differ are named", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const attempt = (): unknown => assembleKeyValue(gpu.zeros([3, 2, 4]), gpu.zeros([4, 2]), 2);
  expect(attempt).toThrow(ShapeError);
  expect(attempt).toThrow("assembleKeyValue: ropeKey: expected [T=3, R], got [4, 2]");
});
