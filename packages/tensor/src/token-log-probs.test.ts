import { integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { add, mul } from "./arithmetic.ts";
import { crossEntropy } from "./cross-entropy.ts";
import type { Tensor } from "./tensor.ts";
import { tokenLogProbsBackwardRef, tokenLogProbsRef } from "./token-log-probs.ref.ts";
import { IGNORED_TARGET, tokenLogProbs } from "./token-log-probs.ts";

interface Params {
  readonly V: number;
  readonly targets: Int32Array;
  readonly temperature?: number;
}

/** Every third target ignored, unless there are too few. */
const targetsFor = (T: number, V: number): Int32Array =>
  integers(T, V, 9).map((id, t) => (t % 3 === 1 ? IGNORED_TARGET : id));

const optionsOf = ({ temperature }: Params) => (temperature === undefined ? {} : { temperature });
const refOptions = ({ V, temperature = 1 }: Params) => ({ vocabSize: V, temperature });

testOp("tokenLogProbs", {
  cases: [
    { T: 1, V: 1 },
    { T: 7, V: 7, temperature: 0.7 },
    { T: 129, V: 127 },
    { T: 127, V: 129, temperature: 0.3 },
    { T: 33, V: 128, temperature: 0.6 },
    { T: 3, V: 5003, temperature: 2.5 },
    { T: 3, V: 5004 },
  ].map(({ T, V, ...rest }) => ({
    label: `T ${T}, V ${V}, temperature ${rest.temperature ?? "default"}`,
    inputs: { logits: { shape: [T, V], values: normals(T * V, 4).map((v) => 5 * v) } },
    params: { V, targets: targetsFor(T, V), ...rest } as Params,
  })),
  op: ({ logits }, params) => tokenLogProbs(logits!, params.targets, optionsOf(params)),
  reference: ({ logits }, params) => ({
    outputs: [tokenLogProbsRef(logits!, params.targets, refOptions(params))],
    backward: ([dy]) => ({ logits: tokenLogProbsBackwardRef(dy!, logits!, params.targets, refOptions(params)) }),
  }),
});

testOp("tokenLogProbs of a view, its result used twice", {
  cases: [{ label: "[4, 5]", inputs: { logits: { shape: [4, 5] } }, params: Int32Array.of(0, 4, 2) }],
  op: ({ logits }, targets) => {
    const logProbs = tokenLogProbs(add(logits!, logits!).slice(1, 4), targets);
    return mul(logProbs, logProbs);
  },
  reference: ({ logits }, targets) => {
    const rows = logits!.subarray(5).map((v) => 2 * v);
    const options = { vocabSize: 5, temperature: 1 };
    const logProbs = tokenLogProbsRef(rows, targets, options);
    return {
      outputs: [logProbs.map((x) => x * x)],
      backward: ([dy]) => {
        const upstream = logProbs.map((x, t) => 2 * x * dy![t]!);
        const gradient = new Float64Array(20);
        gradient.set(
          tokenLogProbsBackwardRef(upstream, rows, targets, options).map((g) => 2 * g),
          5,
        );
        return { logits: gradient };
      },
    };
  },
});

describe("tokenLogProbs", () => {
  const device = useTestGpu();

  test("large and masked logits stay exact at any temperature, a NaN shows", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const low = Number.NEGATIVE_INFINITY;
    const rows = [
      [1e4, -1e4, 1e4],
      [-3e38, 3e38, 0],
      [low, 5, low],
      [0, Number.NaN, 0],
    ];
    for (const temperature of [1e-40, 1, 1e40]) {
      const logits = gpu.tensor(rows.flat(), [4, 3]);
      const logProbs = await tokenLogProbs(logits, Int32Array.of(0, 1, 1, 0), { temperature }).data();
      expect(logProbs[2]).toBe(0);
      expect(logProbs[3]).toBeNaN();
      if (temperature > 1) continue; // A flat distribution over what is not masked.
      expect(logProbs[0]).toBeCloseTo(-Math.log(2), 6);
      expect(logProbs[1]).toBe(0);
    }
  });

  test("ignored rows have no gradient, also beside logits that are not finite", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.tensor([1, 2, Number.POSITIVE_INFINITY, Number.NaN], [2, 2]));
    const logProbs = tokenLogProbs(logits, Int32Array.of(IGNORED_TARGET, IGNORED_TARGET));
    tape.backward(logProbs);
    expect([...(await logProbs.data())]).toEqual([0, 0]);
    expect([...(await tape.gradient(logits)!.data())]).toEqual([0, 0, 0, 0]);
  });

  test("backward overwrites the logits, and allocates no second one", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.tensor([0, 0], [1, 2]));
    tape.backward(tokenLogProbs(logits, Int32Array.of(0), { temperature: 0.5 }));
    expect([...(await logits.data())]).toEqual([1, -1]);
    expect(tape.gradient(logits)).toBeDefined();
  });

  test("a parameter keeps its values and its gradient is added to", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.tensor([0, 0], [1, 2]);
    logits.grad = gpu.tensor([10, 20], [1, 2]);
    using tape = gpu.tape();
    tape.backward(add(tokenLogProbs(logits, Int32Array.of(0)), tokenLogProbs(logits, Int32Array.of(0))));
    expect([...(await logits.data()), ...(await logits.grad.data())]).toEqual([0, 0, 11, 19]);
  });

  const other = {
    tokenLogProbs: (logits: Tensor) => tokenLogProbs(logits, Int32Array.of(1)),
    crossEntropy: (logits: Tensor) => crossEntropy(logits, Int32Array.of(1)),
  };
  test.each(Object.entries(other))("logits with a loss of %s beside are refused", (_, loss) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.zeros([1, 2]));
    const both = add(tokenLogProbs(logits, Int32Array.of(0)), loss(logits));
    expect(() => tape.backward(both)).toThrow(
      "tokenLogProbs: logits: expected logits with one loss, got logits that another loss's backward has overwritten.",
    );
  });

  test("operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logits = gpu.zeros([2, 5]);
    expect(() => tokenLogProbs(logits, Int32Array.of(-1, 0))).toThrow(
      "tokenLogProbs: targets[0]: expected 0 <= id < V=5, or -100 for a row to ignore, got -1.",
    );
    expect(() => tokenLogProbs(logits, Int32Array.of(1))).toThrow(
      "tokenLogProbs: logits: expected [T=1, V], got [2, 5].",
    );
    for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => tokenLogProbs(logits, Int32Array.of(1, 1), { temperature })).toThrow(
        `tokenLogProbs: temperature: expected > 0 and finite, got ${temperature}.`,
      );
    }
  });
});
