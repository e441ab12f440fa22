import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { add } from "@ds3/tensor";
import { expectNear, integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { sumSequencesBackwardRef, sumSequencesRef } from "./sum-sequences.ref.ts";
import { sumSequences } from "./sum-sequences.ts";

/** Starts of N sequences with lengths from 0 to 40. */
function startsOf(N: number, seed: number): Int32Array {
  let at = 0;
  return Int32Array.from([0, ...integers(N, 41, seed)], (length) => {
    at += length;
    return at;
  });
}

testOp<Int32Array>("sumSequences", {
  cases: [Int32Array.of(0, 1), Int32Array.of(0, 0, 7, 7, 8, 8), ...[2, 127, 129].map((N) => startsOf(N, N))].map(
    (starts) => ({
      label: `${starts.length - 1} sequences of ${starts.at(-1)} values`,
      inputs: { values: { shape: [starts.at(-1)!] } },
      params: starts,
    }),
  ),
  op: ({ values }, starts) => sumSequences(values!, starts),
  reference: ({ values }, starts) => ({
    outputs: [sumSequencesRef(values!, starts)],
    backward: ([grad]) => ({ values: sumSequencesBackwardRef(grad!, starts) }),
  }),
  tolerance: 1e-6,
});

describe("sumSequences", () => {
  const device = useTestGpu();

  test("of no values at all: zeros", async () => {
    using _scope = device.gpu.scope();
    const sums = sumSequences(device.gpu.empty([0]), Int32Array.of(0, 0, 0));
    expect([...(await sums.data())]).toEqual([0, 0]);
  });

  test("values used twice add up their gradients, also those of a view", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const whole = tape.watch(gpu.tensor(normals(9, 1)));
    const [starts, others] = [Int32Array.of(0, 3, 6), Int32Array.of(0, 5, 6)];
    const values = whole.slice(3, 9);
    const sums = [starts, others].map((each) => sumSequences(values, each));
    tape.backward(add(sums[0]!, sums[1]!), gpu.tensor([2, 5]));
    const want = sumSequencesBackwardRef([2, 5], starts).map((g, i) => g + (i < 5 ? 2 : 5));
    expectNear("gradient", await tape.gradient(whole)!.data(), [0, 0, 0, ...want], [9], 0);
  });

  test("operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const values = gpu.zeros([4]);
    expect(() => sumSequences(values, Int32Array.of(0, 3))).toThrow(ShapeError);
    expect(() => sumSequences(values, Int32Array.of(0, 3))).toThrow(
      "sumSequences: values: expected [R=3], as starts ends there, got [4] f32 and 2 starts.",
    );
    expect(() => sumSequences(values.reshape([2, 2]), Int32Array.of(0, 4))).toThrow(ShapeError);
    expect(() => sumSequences(values, Int32Array.of(4))).toThrow(ShapeError);
    expect(() => sumSequences(values, Int32Array.of(0, 3, 2, 4))).toThrow(OutOfRangeError);
    expect(() => sumSequences(values, Int32Array.of(0, 3, 2, 4))).toThrow(
      "sumSequences: starts[2]: expected >= 3, where the sequence before begins, got 2.",
    );
    expect(() => sumSequences(values, Int32Array.of(1, 4))).toThrow("sumSequences: starts[0]: expected 0, got 1.");
    expect(() => sumSequences(gpu.zeros([4], "u32"), Int32Array.of(0, 4))).toThrow(DtypeError);
  });
});
