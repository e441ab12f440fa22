import { checkGradient, expectClose, normals } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { type AttentionShape, flashAttentionBackwardRef, flashAttentionRef } from "./flash-attention.ref.ts";

const shape: AttentionShape = { B: 2, T: 5, S: 5, N: 2, headDimQk: 3, headDimV: 2, scale: 0.7, keyOffset: 0 };

test("two keys of known scores", () => {
  const one = { ...shape, B: 1, T: 2, S: 2, N: 1, headDimQk: 1, headDimV: 1, scale: 1 };
  const inputs = { q: Float64Array.of(5, 1), k: Float64Array.of(0, Math.log(3)), v: Float64Array.of(8, 4) };
  const { out, lse } = flashAttentionRef(one, inputs);
  // The first query sees the first key only; the second weighs them 1 : 3.
  expectClose(out, [8, 5], { name: "out", rtol: 1e-15 });
  expectClose(lse, [0, Math.log(4)], { name: "lse", atol: 1e-15 });
});

test("a query ignores keys after it and before its document", () => {
  const documentStart = [0, 0, 2, 2, 4, 0, 1, 1, 1, 1];
  const inputs = inputsOf(shape);
  const { out } = flashAttentionRef({ ...shape, documentStart }, inputs);
  inputs.k.fill(9, 0, 12); // keys 0 and 1 of the first batch entry
  inputs.v.fill(9, 0, 8);
  const changed = flashAttentionRef({ ...shape, documentStart }, inputs).out;
  expect(changed.slice(8)).toEqual(out.slice(8));
  expect(changed.slice(0, 4)).not.toEqual(out.slice(0, 4));
});

test.each<[string, AttentionShape]>([
  ["causal", shape],
  ["cached keys", { ...shape, T: 3, keyOffset: 2 }],
  ["documents", { ...shape, documentStart: [0, 0, 2, 2, 4, 0, 1, 1, 1, 1] }],
  ["documents and cached keys", { ...shape, T: 3, keyOffset: 2, documentStart: [1, 1, 4, 0, 3, 3] }],
])("gradient, %s", (_, shape) => {
  const up = normals(shape.B * shape.T * shape.N * shape.headDimV, 4);
  checkGradient(
    (inputs) => flashAttentionRef(shape, inputs).out.reduce((sum, value, i) => sum + value * up[i]!, 0),
    (inputs) => {
      const { dq, dk, dv } = flashAttentionBackwardRef(shape, inputs, up);
      return { q: dq, k: dk, v: dv };
    },
    inputsOf(shape),
  );
});

function inputsOf({ B, T, S, N, headDimQk, headDimV }: AttentionShape): Record<"q" | "k" | "v", Float64Array> {
  return {
    q: normals(B * T * N * headDimQk, 1),
    k: normals(B * S * N * headDimQk, 2),
    v: normals(B * S * N * headDimV, 3),
  };
}
