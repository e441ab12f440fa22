import { checkGradient, expectClose, normals } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import {
  crossEntropyBackwardRef,
  crossEntropyRef,
  IGNORED_LABEL,
  linearRef,
  matmulBackwardRef,
  matmulRef,
  mlpBackwardRef,
  mlpRef,
  rmsNormBackwardRef,
  rmsNormRef,
  swigluBackwardRef,
  swigluRef,
} from "./reference.ts";

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

test("matmul of a known product, in every layout", () => {
  const a = Float64Array.of(1, 2, 3, 4, 5, 6);
  const aT = Float64Array.of(1, 4, 2, 5, 3, 6);
  const b = Float64Array.of(1, 0, 2, -1, 0, 1);
  const bT = Float64Array.of(1, 2, 0, 0, -1, 1);
  const size = { m: 2, k: 3, n: 2 };
  const want = Float64Array.of(5, 1, 14, 1);
  expect(matmulRef(a, b, size)).toEqual(want);
  expect(matmulRef(aT, b, { ...size, transposeA: true })).toEqual(want);
  expect(matmulRef(a, bT, { ...size, transposeB: true })).toEqual(want);
  expect(matmulRef(aT, bT, { ...size, transposeA: true, transposeB: true })).toEqual(want);
  expect(linearRef(a, bT, 3)).toEqual(want);
});

test.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])("matmul gradient, transposeA %s, transposeB %s", (transposeA, transposeB) => {
  const shape = { m: 3, k: 4, n: 5, transposeA, transposeB };
  const up = normals(15, 3);
  checkGradient(
    ({ a, b }) => dot(matmulRef(a, b, shape), up),
    ({ a, b }) => matmulBackwardRef(up, a, b, shape),
    { a: normals(12, 1), b: normals(20, 2) },
  );
});

test("rmsNorm of a known row, and its gradient", () => {
  expectClose(rmsNormRef(Float64Array.of(3, 4), Float64Array.of(1, 2), 0.5), [3 / Math.sqrt(13), 8 / Math.sqrt(13)], {
    name: "rmsNorm",
    rtol: 1e-15,
  });
  const up = normals(21, 3);
  checkGradient(
    ({ x, weight }) => dot(rmsNormRef(x, weight, 1e-6), up),
    ({ x, weight }) => rmsNormBackwardRef(up, x, weight, 1e-6),
    { x: normals(21, 1), weight: normals(7, 2) },
  );
});

test("swiglu of known values, and its gradient", () => {
  expectClose(swigluRef(Float64Array.of(0, Math.log(3)), Float64Array.of(5, 2)), [0, 1.5 * Math.log(3)], {
    name: "swiglu",
    rtol: 1e-15,
  });
  const up = normals(9, 3);
  checkGradient(
    (inputs) => dot(swigluRef(inputs.gate, inputs.up), up),
    (inputs) => swigluBackwardRef(up, inputs.gate, inputs.up),
    { gate: normals(9, 1), up: normals(9, 2) },
  );
});

test("feed-forward gradient", () => {
  const [D, F, T] = [4, 6, 3];
  const up = normals(T * D, 5);
  checkGradient(
    ({ x, ...weights }) => dot(mlpRef(x, weights, D), up),
    ({ x, ...weights }) => mlpBackwardRef(up, x, weights, D),
    {
      x: normals(T * D, 1),
      gateProj: normals(F * D, 2),
      upProj: normals(F * D, 3),
      downProj: normals(D * F, 4),
    },
  );
});

test("cross-entropy of known rows, ignored labels and large logits", () => {
  const logits = Float64Array.of(0, 0, 0, 0, 1000, 0, 0, 0, 7, 7, 7, 7);
  const { loss, rows } = crossEntropyRef(logits, [1, 0, IGNORED_LABEL], { vocabSize: 4 });
  expectClose(rows, [Math.log(4), 0, 0], { name: "rows", rtol: 1e-15 });
  expect(loss).toBeCloseTo(Math.log(4) / 2, 14);
  expect(crossEntropyRef(logits, [IGNORED_LABEL, IGNORED_LABEL, IGNORED_LABEL], { vocabSize: 4 }).loss).toBe(0);
});

test("weighted cross-entropy of known rows: a weighted mean", () => {
  const logits = Float64Array.of(0, Math.log(3), 0, 0, 5, 5);
  const weights = [1, 3, 9];
  const { loss } = crossEntropyRef(logits, [0, 1, IGNORED_LABEL], { vocabSize: 2, weights });
  expect(loss).toBeCloseTo((Math.log(4) + 3 * Math.log(2)) / 4, 14);
  expect(crossEntropyRef(logits, [0, 1, 0], { vocabSize: 2, weights: [0, 0, 0] }).loss).toBe(0);
});

test.each([{}, { denominator: 7 }, { weights: [0.5, 3, 0, 2] }, { weights: [0.5, 3, 0, 2], denominator: 7 }])(
  "cross-entropy gradient %o",
  (options) => {
    const labels = [2, IGNORED_LABEL, 0, 4];
    const all = { vocabSize: 5, ...options };
    checkGradient(
      ({ logits }) => 3 * crossEntropyRef(logits, labels, all).loss,
      ({ logits }) => ({ logits: crossEntropyBackwardRef(3, logits, labels, all) }),
      { logits: normals(20, 1) },
    );
  },
);
