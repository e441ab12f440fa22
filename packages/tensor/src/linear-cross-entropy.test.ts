import { expectNear, integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { add, scale } from "./arithmetic.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { linearCrossEntropyBackwardRef, linearCrossEntropyRef } from "./linear-cross-entropy.ref.ts";
import { type LinearCrossEntropyOptions, linearCrossEntropy } from "./linear-cross-entropy.ts";
import { matmul } from "./matmul.ts";
import type { Tensor } from "./tensor.ts";
import { IGNORED_TARGET } from "./token-log-probs.ts";

interface Params {
  readonly V: number;
  readonly D: number;
  readonly targets: Int32Array;
  readonly options: LinearCrossEntropyOptions;
}

/** Every third target ignored, unless there are too few. */
function targetsFor(T: number, V: number): Int32Array {
  return integers(T, V, 9).map((id, t) => (t % 3 === 1 ? IGNORED_TARGET : id));
}

/** From 0.25 to 2, each fifth 0. */
const weightsFor = (T: number): Float32Array =>
  Float32Array.from(integers(T, 8, 7), (n, t) => (t % 5 === 3 ? 0 : (n + 1) / 4));

/** D = 64: a row is 256 bytes, so chunks of any size start aligned; D = 7: 64 rows do; D = 20: 16 rows. */
const cases = [
  { T: 1, D: 1, V: 1, options: {} },
  { T: 7, D: 7, V: 127, options: {} },
  { T: 1, D: 64, V: 5, options: { chunk: 1 } },
  { T: 5, D: 64, V: 3, options: { chunk: 1 } },
  { T: 129, D: 7, V: 129, options: { chunk: 1 } },
  { T: 33, D: 20, V: 130, options: { chunk: 48 } },
  { T: 16, D: 8, V: 515, options: { chunk: 200, denominator: 37.5 } },
  { T: 3, D: 64, V: 1000, options: { chunk: 999 } },
  { T: 7, D: 7, V: 127, options: { weights: weightsFor(7) } },
  { T: 129, D: 7, V: 129, options: { chunk: 1, weights: weightsFor(129) } },
  { T: 33, D: 20, V: 130, options: { chunk: 48, weights: weightsFor(33), denominator: 3.25 } },
].map(({ T, D, V, options }: { T: number; D: number; V: number; options: LinearCrossEntropyOptions }) => ({
  label: `T ${T}, D ${D}, V ${V}, ${JSON.stringify({ ...options, weights: options.weights && "some" })}`,
  inputs: {
    x: { shape: [T, D], values: normals(T * D, 4) },
    weight: { shape: [V, D], values: normals(V * D, 5) },
  },
  params: { V, D, targets: targetsFor(T, V), options } as Params,
}));

testOp("linearCrossEntropy", {
  cases,
  op: ({ x, weight }, { targets, options }) => linearCrossEntropy(x!, weight!, targets, options),
  reference: ({ x, weight }, { V, D, targets, options: { denominator, weights } }) => {
    const options = { inFeatures: D, vocabSize: V, denominator, weights };
    return {
      outputs: [Float64Array.of(linearCrossEntropyRef(x!, weight!, targets, options))],
      backward: ([dy]) => linearCrossEntropyBackwardRef(dy![0]!, x!, weight!, targets, options),
    };
  },
});

/** Both operands lie off the alignment, and the weight is its own input: its gradient arrives twice. */
testOp("linearCrossEntropy of views, with a weight that is also x", {
  cases: [{ label: "[70, 6]", inputs: { rows: { shape: [70, 6] } }, params: integers(67, 67, 3) }],
  op: ({ rows }, targets) => {
    const view = scale(rows!, 1).slice(3, 70);
    return linearCrossEntropy(view, view, targets, { chunk: 1 });
  },
  reference: ({ rows }, targets) => {
    const view = rows!.subarray(3 * 6);
    const options = { inFeatures: 6, vocabSize: 67 };
    return {
      outputs: [Float64Array.of(linearCrossEntropyRef(view, view, targets, options))],
      backward: ([dy]) => {
        const { x, weight } = linearCrossEntropyBackwardRef(dy![0]!, view, view, targets, options);
        const grad = new Float64Array(rows!.length);
        for (const [i, value] of x.entries()) grad[3 * 6 + i] = value + weight[i]!;
        return { rows: grad };
      },
    };
  },
});

describe("linearCrossEntropy", () => {
  const device = useTestGpu();

  /** Loss and both gradients; the weight is a parameter whose gradient starts at 10. */
  const run = async (
    loss: (x: Tensor, weight: Tensor) => Tensor,
    values: { readonly x: ArrayLike<number>; readonly weight: ArrayLike<number>; readonly D: number },
  ): Promise<{ loss: number; x: Float32Array; weight: Float32Array }> => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor(values.x, [values.x.length / values.D, values.D]));
    const weight = gpu.tensor(values.weight, [values.weight.length / values.D, values.D]);
    weight.grad = gpu.full(weight.shape, 10);
    const total = loss(x, weight);
    const item = await total.item();
    tape.backward(total);
    return { loss: item, x: await tape.gradient(x)!.data(), weight: await weight.grad.data() };
  };
  const values = { x: normals(6 * 64, 1), weight: normals(40 * 64, 2), D: 64 };
  const targets = Int32Array.of(0, 39, IGNORED_TARGET, 12, 13, 30);

  test("one chunk is matmul and crossEntropy, bit for bit", async () => {
    const whole = await run((x, weight) => linearCrossEntropy(x, weight, targets), values);
    const parts = await run((x, w) => crossEntropy(matmul(x, w, { layout: "nt" }), targets), values);
    expect(whole).toEqual(parts);
  });

  test("a parameter's gradient is added to chunk by chunk", async () => {
    const { weight } = await run((x, w) => linearCrossEntropy(x, w, targets, { chunk: 7 }), values);
    const gradient = linearCrossEntropyBackwardRef(
      1,
      values.x.map(Math.fround),
      values.weight.map(Math.fround),
      targets,
      { inFeatures: 64, vocabSize: 40 },
    ).weight;
    for (const [i, value] of gradient.entries()) expect(weight[i]).toBeCloseTo(10 + value, 5);
  });

  test("never has more logits than a chunk's in memory", async () => {
    const { gpu } = device;
    const [T, D, V, chunk] = [256, 64, 4096, 512];
    const peakOf = (options: LinearCrossEntropyOptions): number => {
      using _scope = gpu.scope();
      using tape = gpu.tape();
      const x = tape.watch(gpu.zeros([T, D]));
      const weight = gpu.zeros([V, D]);
      weight.grad = gpu.zeros([V, D]);
      gpu.resetPeak();
      const before = gpu.stats.liveBytes;
      tape.backward(linearCrossEntropy(x, weight, integers(T, V, 1), options));
      return gpu.stats.peakBytes - before;
    };
    expect(peakOf({})).toBeGreaterThan(T * V * 4);
    expect(peakOf({ chunk })).toBeLessThan(T * chunk * 4 + 2 * T * D * 4);
    expect(peakOf({ chunk })).toBeGreaterThan(T * chunk * 4);
    await gpu.idle();
  });

  test("logits beyond 64 MiB go in chunks by themselves", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [T, D, V] = [4100, 1, 4100];
    const [x, weight] = [gpu.zeros([T, D]), gpu.zeros([V, D])];
    gpu.resetPeak();
    const before = gpu.stats.liveBytes;
    linearCrossEntropy(x, weight, new Int32Array(T));
    const peak = gpu.stats.peakBytes - before;
    expect(peak).toBeLessThan(48 * 2 ** 20);
    expect(peak).toBeGreaterThan(32 * 2 ** 20);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s in x reaches the loss, in whichever chunk", async (bad) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    for (const column of [0, 20, 39]) {
      const weight = new Float32Array(40 * 64);
      weight[column * 64] = 1;
      const x = Float32Array.from({ length: 64 }, (_, i) => (i === 0 ? bad : 0));
      const loss = linearCrossEntropy(gpu.tensor(x, [1, 64]), gpu.tensor(weight, [40, 64]), Int32Array.of(5), {
        chunk: 16,
      });
      expect(await loss.item()).toBeNaN();
    }
  });

  test("every row ignored: loss and gradients are 0, also beside logits that are not finite", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.full([2, 64], 1e30));
    const weight = tape.watch(gpu.full([4, 64], 1e30));
    const loss = linearCrossEntropy(x, weight, Int32Array.of(IGNORED_TARGET, IGNORED_TARGET), { chunk: 1 });
    tape.backward(loss);
    expect(await loss.item()).toBe(0);
    for (const input of [x, weight]) expect((await tape.gradient(input)!.data()).every((v) => v === 0)).toBe(true);
  });

  test("beside another loss of the same rows and weight", async () => {
    const twice = await run(
      (x, w) => add(linearCrossEntropy(x, w, targets, { chunk: 8 }), linearCrossEntropy(x, w, targets, { chunk: 8 })),
      values,
    );
    const once = await run((x, w) => linearCrossEntropy(x, w, targets, { chunk: 8 }), values);
    const doubled = [...once.x].map((v) => 2 * v);
    expectNear("gradient of x", twice.x, doubled, [6, 64], 1e-6);
  });

  test("a weight that is frozen, and one alone that trains", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const gradients = async (watched: "x" | "weight"): Promise<Float32Array> => {
      using tape = gpu.tape();
      const tensors = { x: gpu.tensor(values.x, [6, 64]), weight: gpu.tensor(values.weight, [40, 64]) };
      tape.watch(tensors[watched]);
      tape.backward(linearCrossEntropy(tensors.x, tensors.weight, targets, { chunk: 16 }));
      return await tape.gradient(tensors[watched])!.data();
    };
    const both = await run((x, w) => linearCrossEntropy(x, w, targets, { chunk: 16 }), values);
    expect(await gradients("x")).toEqual(both.x);
    expect((await gradients("weight")).length).toBe(40 * 64);
  });

  test("weights in chunks: one value for all change no bit, and 0 leaves a row out", async () => {
    const loss = (weights: readonly number[] | undefined, labels: Int32Array) =>
      run(
        (x, w) => linearCrossEntropy(x, w, labels, { chunk: 7, weights: weights && Float32Array.from(weights) }),
        values,
      );
    expect(await loss([4, 4, 4, 4, 4, 4], targets)).toEqual(await loss(undefined, targets));
    const without = targets.map((id, t) => (t === 3 ? IGNORED_TARGET : id));
    expect(await loss([1, 1, 1, 0, 1, 1], targets)).toEqual(await loss(undefined, without));
  });

  test("operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [x, weight] = [gpu.zeros([2, 3]), gpu.zeros([5, 3])];
    expect(() => linearCrossEntropy(x, weight, Int32Array.of(1, 5))).toThrow(
      "linearCrossEntropy: targets[1]: expected 0 <= id < V=5, or -100 for a row to ignore, got 5.",
    );
    expect(() => linearCrossEntropy(x, gpu.zeros([5, 4]), Int32Array.of(1, 1))).toThrow(
      "linearCrossEntropy: weight: expected [V, D=3], got [5, 4].",
    );
    expect(() => linearCrossEntropy(x, weight, Int32Array.of(1))).toThrow(/targets: expected \[T=2\], got \[1\]/);
    expect(() => linearCrossEntropy(x, weight, Int32Array.of(1, 1), { denominator: 0 })).toThrow(
      "linearCrossEntropy: denominator: expected > 0, got 0.",
    );
    for (const chunk of [1, 5]) {
      const weights = Float32Array.of(1, -1);
      expect(() => linearCrossEntropy(x, weight, Int32Array.of(1, 1), { chunk, weights })).toThrow(
        "linearCrossEntropy: weights[1]: expected a finite weight >= 0, got -1.",
      );
    }
    expect(() => linearCrossEntropy(x, weight, Int32Array.of(1, 1), { chunk: 0 })).toThrow(
      "linearCrossEntropy: chunk: expected an integer >= 1, got 0.",
    );
    expect(() => linearCrossEntropy(gpu.zeros([2, 3], "i32"), weight, Int32Array.of(1, 1))).toThrow(/x: expected f32/);
  });
});
