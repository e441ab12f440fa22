import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { bradleyTerryRef } from "./bradley-terry-loss.ref.ts";
import { bradleyTerryLoss } from "./bradley-terry-loss.ts";

/** Pairs that take the scores in a scattered order. */
function scattered(P: number): Uint32Array {
  return Uint32Array.from({ length: 2 * P }, (_, i) => (i % 2 === 0 ? i / 2 : 2 * P - (i + 1) / 2));
}

const cases = [1, 7, 127, 129].map((P) => ({
  label: `${P} pairs`,
  params: scattered(P),
  inputs: { scores: { shape: [2 * P], values: normals(2 * P, P).map((value) => 2 * value) } },
}));

testOp<Uint32Array>("bradleyTerryLoss", {
  cases,
  op: ({ scores }, pairs) => bradleyTerryLoss(scores!, pairs).loss,
  reference: ({ scores }, pairs) => {
    const { loss, gradient } = bradleyTerryRef(scores!, pairs);
    return {
      outputs: [Float64Array.of(loss)],
      backward: ([seed]) => ({ scores: gradient.map((value) => value * seed![0]!) }),
    };
  },
});

testOp<Uint32Array>("bradleyTerryLoss, figures", {
  cases,
  op: ({ scores }, pairs) => {
    const { accuracy, margin } = bradleyTerryLoss(scores!, pairs);
    return [accuracy, margin];
  },
  reference: ({ scores }, pairs) => {
    const { accuracy, margin } = bradleyTerryRef(scores!, pairs);
    return { outputs: [Float64Array.of(accuracy), Float64Array.of(margin)] };
  },
});

describe("bradleyTerryLoss", () => {
  const device = useTestGpu();

  test("margins that would overflow an exponential", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const scores = tape.watch(gpu.tensor([-200, 200, 200, -200]));
    const { loss, accuracy } = bradleyTerryLoss(scores, Uint32Array.of(0, 1, 2, 3));
    tape.backward(loss);
    expect([await loss.item(), await accuracy.item()]).toEqual([200, 0.5]);
    expect([...(await tape.gradient(scores)!.data())]).toEqual([-0.5, 0.5, 0, 0]);
  });

  test("errors", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    expect(() => bradleyTerryLoss(gpu.zeros([2]), Uint32Array.of(0, 1, 2, 3))).toThrow(ShapeError);
    expect(() => bradleyTerryLoss(gpu.zeros([0]), new Uint32Array())).toThrow(/at least one pair, got 0 scores/);
    expect(() => bradleyTerryLoss(gpu.zeros([2]), Uint32Array.of(1, 1))).toThrow(OutOfRangeError);
    expect(() => bradleyTerryLoss(gpu.zeros([2]), Uint32Array.of(1, 2))).toThrow(/each index below 2 once, got 1,2/);
  });
});
