import { expectNear, integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { crossEntropyBackwardRef, crossEntropyRef } from "./cross-entropy.ref.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { IGNORED_TARGET } from "./token-log-probs.ts";

interface Params {
  readonly V: number;
  readonly targets: Int32Array;
  readonly denominator?: number;
  readonly weights?: Float32Array;
}

/** Every third target ignored, unless there are too few. */
function targetsFor(T: number, V: number): Int32Array {
  return integers(T, V, 9).map((id, t) => (t % 3 === 1 ? IGNORED_TARGET : id));
}

/** From 0.25 to 2, each fifth 0. */
const weightsFor = (T: number): Float32Array =>
  Float32Array.from(integers(T, 8, 7), (n, t) => (t % 5 === 3 ? 0 : (n + 1) / 4));

const cases = [
  { T: 1, V: 1 },
  { T: 7, V: 7 },
  { T: 129, V: 127 },
  { T: 3, V: 5003 },
  { T: 200, V: 64, denominator: 37.5 },
  { T: 1, V: 3, weights: Float32Array.of(0.3) },
  { T: 7, V: 7, weights: weightsFor(7) },
  { T: 129, V: 127, weights: weightsFor(129) },
  { T: 33, V: 64, weights: weightsFor(33), denominator: 5.5 },
].map(({ T, V, ...rest }) => ({
  label: `T ${T}, V ${V}${"weights" in rest ? ", weights" : ""}`,
  inputs: { logits: { shape: [T, V], values: normals(T * V, 4).map((v) => 5 * v) } },
  params: { V, targets: targetsFor(T, V), ...rest } as Params,
}));

const optionsOf = ({ denominator, weights }: Params) => ({ denominator, weights });

testOp("crossEntropy", {
  cases,
  op: ({ logits }, params) => crossEntropy(logits!, params.targets, optionsOf(params)),
  reference: ({ logits }, params) => {
    const options = { vocabSize: params.V, ...optionsOf(params) };
    return {
      outputs: [Float64Array.of(crossEntropyRef(logits!, params.targets, options).loss)],
      backward: ([dy]) => ({ logits: crossEntropyBackwardRef(dy![0]!, logits!, params.targets, options) }),
    };
  },
});

testOp("crossEntropy of two views of the same rows", {
  cases: [{ label: "[4, 5]", inputs: { logits: { shape: [4, 5] } }, params: undefined }],
  op: ({ logits }) =>
    add(
      crossEntropy(add(logits!, logits!).slice(0, 3), Int32Array.of(0, 4, 2)),
      crossEntropy(add(logits!, logits!).slice(1, 3), Int32Array.of(1, 1)),
    ),
  reference: ({ logits }) => {
    const doubled = logits!.map((v) => 2 * v);
    const parts = [
      { from: 0, labels: [0, 4, 2] },
      { from: 1, labels: [1, 1] },
    ].map(({ from, labels }) => ({ from, labels, rows: doubled.subarray(from * 5, (from + labels.length) * 5) }));
    const losses = parts.map(({ rows, labels }) => crossEntropyRef(rows, labels, { vocabSize: 5 }).loss);
    return {
      outputs: [Float64Array.of(losses[0]! + losses[1]!)],
      backward: ([dy]) => {
        const grad = new Float64Array(20);
        for (const { from, rows, labels } of parts) {
          const part = crossEntropyBackwardRef(dy![0]!, rows, labels, { vocabSize: 5 });
          for (const [i, v] of part.entries()) grad[from * 5 + i]! += 2 * v;
        }
        return { logits: grad };
      },
    };
  },
});

describe("crossEntropy", () => {
  const device = useTestGpu();

  test("every row ignored: loss and gradients are 0, also beside logits that are not finite", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.tensor([1, 2, Number.POSITIVE_INFINITY, Number.NaN], [2, 2]));
    const loss = crossEntropy(logits, Int32Array.of(IGNORED_TARGET, IGNORED_TARGET));
    tape.backward(loss);
    expect(await loss.item()).toBe(0);
    expect([...(await tape.gradient(logits)!.data())]).toEqual([0, 0, 0, 0]);
  });

  test("backward overwrites the logits, and allocates no second one", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.tensor([0, 0], [1, 2]));
    const loss = crossEntropy(logits, Int32Array.of(0));
    tape.backward(loss);
    expect([...(await logits.data())]).toEqual([-0.5, 0.5]);
    expect(tape.gradient(logits)).toBeDefined();
  });

  test("a parameter keeps its values and its gradient is added to", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.tensor([0, 0], [1, 2]);
    logits.grad = gpu.tensor([10, 20], [1, 2]);
    using tape = gpu.tape();
    tape.backward(add(crossEntropy(logits, Int32Array.of(0)), crossEntropy(logits, Int32Array.of(0))));
    expect([...(await logits.data()), ...(await logits.grad.data())]).toEqual([0, 0, 9, 21]);
  });

  test("logits with two losses are refused", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.zeros([1, 2]));
    const both = add(crossEntropy(logits, Int32Array.of(0)), crossEntropy(logits, Int32Array.of(1)));
    expect(() => tape.backward(both)).toThrow(
      "crossEntropy: logits: expected logits with one loss, got logits that another loss's backward has overwritten.",
    );
  });

  /** Loss and gradient of logits. */
  const run = async (
    logits: readonly number[],
    targets: readonly number[],
    weights?: readonly number[],
  ): Promise<{ loss: number; gradient: number[]; dispatches: number }> => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const rows = tape.watch(gpu.tensor(logits, [targets.length, logits.length / targets.length]));
    const before = gpu.stats.dispatches;
    const own = weights && Float32Array.from(weights);
    const loss = crossEntropy(rows, Int32Array.from(targets), { weights: own });
    tape.backward(loss);
    const dispatches = gpu.stats.dispatches - before;
    return { loss: await loss.item(), gradient: [...(await tape.gradient(rows)!.data())], dispatches };
  };
  const logits = [...normals(15, 8)];
  const targets = [4, IGNORED_TARGET, 1];

  test("weights that are equal change no bit, and none cost a dispatch", async () => {
    const plain = await run(logits, targets);
    for (const weight of [1, 2 ** 100, 2 ** -149]) {
      expect(await run(logits, targets, [weight, weight, weight])).toEqual(plain);
    }
  });

  test("a row of weight 2 is the row twice", async () => {
    const [a, b] = [logits.slice(0, 5), logits.slice(10)];
    const weighted = await run([...a, ...b], [4, 1], [2, 1]);
    const twice = await run([...a, ...a, ...b], [4, 4, 1]);
    expect(weighted.loss).toBeCloseTo(twice.loss, 6);
    const rows = twice.gradient.slice(0, 5).map((v) => 2 * v);
    expectNear("gradient", weighted.gradient, [...rows, ...twice.gradient.slice(10)], [2, 5], 1e-6);
  });

  test("a row of weight 0 is an ignored one, whatever its logits and however large the other weights", async () => {
    const spoilt = [...logits.slice(0, 5), ...Array.from({ length: 5 }, () => Number.NaN), ...logits.slice(10)];
    const { loss, gradient } = await run(spoilt, [4, 0, 1], [3e38, 0, 3e38]);
    const plain = await run(logits, targets);
    expect(loss).toBeCloseTo(plain.loss, 6);
    expectNear("gradient", gradient, plain.gradient, [3, 5], 1e-6);
    expect(await run(spoilt, [4, 0, 1], [0, 0, 0])).toMatchObject({ loss: 0, gradient: Array.from(logits, () => 0) });
  });

  test("weights are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const loss = (targets: Int32Array, ...weights: number[]): unknown =>
      crossEntropy(gpu.zeros([2, 5]), targets, { weights: Float32Array.from(weights) });
    const ids = Int32Array.of(1, 1);
    expect(() => loss(ids, 1)).toThrow("crossEntropy: weights: expected [T=2], got [1].");
    expect(() => loss(ids, 1, -0.5)).toThrow("crossEntropy: weights[1]: expected a finite weight >= 0, got -0.5.");
    expect(() => loss(ids, Number.NaN, 1)).toThrow("weights[0]: expected a finite weight >= 0, got NaN.");
    expect(() => loss(ids, 1, 1e39)).toThrow("weights[1]: expected a finite weight >= 0, got Infinity.");
    expect(() => loss(Int32Array.of(1, 5), 1, 0)).toThrow(/targets\[1\]: expected 0 <= id < V=5/);
  });

  test("operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.zeros([2, 5]);
    expect(() => crossEntropy(logits, Int32Array.of(1, 5))).toThrow(
      "crossEntropy: targets[1]: expected 0 <= id < V=5, or -100 for a row to ignore, got 5.",
    );
    expect(() => crossEntropy(logits, Int32Array.of(1))).toThrow(
      "crossEntropy: logits: expected [T=1, V], got [2, 5].",
    );
    expect(() => crossEntropy(logits, Int32Array.of(1, 1), { denominator: 0 })).toThrow(
      "crossEntropy: denominator: expected > 0, got 0.",
    );
  });
});
