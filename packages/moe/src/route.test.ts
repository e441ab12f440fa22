import { ConfigError, ShapeError } from "@ds3/errors";
import { normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { routeBackwardRef, routeRef } from "./route.ref.ts";
import { type RouteOptions, route } from "./route.ts";

interface Sizes extends RouteOptions {
  readonly T: number;
  readonly E: number;
}

const BASE = { normTopkProb: true, routedScalingFactor: 2.5 };
const CASES: readonly Sizes[] = [
  { ...BASE, T: 1, E: 8, nGroup: 1, topkGroup: 1, numExpertsPerTok: 2 },
  { ...BASE, T: 7, E: 10, nGroup: 5, topkGroup: 3, numExpertsPerTok: 6 },
  { ...BASE, T: 127, E: 16, nGroup: 4, topkGroup: 2, numExpertsPerTok: 3, normTopkProb: false },
  { ...BASE, T: 129, E: 6, nGroup: 6, topkGroup: 4, numExpertsPerTok: 4, routedScalingFactor: 1 },
  { ...BASE, T: 3, E: 1, nGroup: 1, topkGroup: 1, numExpertsPerTok: 1 },
  { ...BASE, T: 5, E: 256, nGroup: 8, topkGroup: 4, numExpertsPerTok: 8 },
  { ...BASE, T: 2, E: 384, nGroup: 1, topkGroup: 1, numExpertsPerTok: 8 },
];

testOp<Sizes>("route", {
  cases: CASES.map((params) => ({
    label: `T ${params.T} E ${params.E} K ${params.numExpertsPerTok} groups ${params.topkGroup}/${params.nGroup}`,
    params,
    inputs: { logits: { shape: [params.T, params.E] }, bias: { shape: [params.E], grad: false } },
  })),
  op: ({ logits, bias }, params) => {
    const { weights, scores } = route(logits!, bias!, params);
    return [weights, scores];
  },
  reference: ({ logits, bias }, { E, ...options }) => {
    const config = { ...options, nRoutedExperts: E };
    const routing = routeRef(config, logits!, bias!);
    return {
      outputs: [routing.weights, routing.scores],
      backward: ([gradWeights, gradScores]) => {
        const through = routeBackwardRef(config, routing, gradWeights!);
        return { logits: through.map((g, i) => g + gradScores![i]! * routing.scores[i]! * (1 - routing.scores[i]!)) };
      },
    };
  },
});

describe("route", () => {
  const device = useTestGpu();

  async function decide(logits: ArrayLike<number>, bias: ArrayLike<number>, { E, ...options }: Omit<Sizes, "T">) {
    using _scope = device.gpu.scope();
    const { indices, weights, groupScores } = route(
      device.gpu.tensor(logits, [logits.length / E, E]),
      device.gpu.tensor(bias, [E]),
      options,
    );
    return {
      indices: [...(await indices.data<"u32">())],
      weights: [...(await weights.data())],
      groupScores: [...(await groupScores.data())],
    };
  }

  test.each(CASES)("choices and group scores, E $E, $nGroup groups", async ({ T, E, ...options }) => {
    const logits = normals(T * E, 5).map(Math.fround);
    const bias = normals(E, 6).map((b) => Math.fround(b / 4));
    const want = routeRef({ ...options, nRoutedExperts: E }, logits, bias);
    const got = await decide(logits, bias, { E, ...options });
    expect(got.indices).toEqual([...want.indices]);
    for (const [i, score] of want.groupScores.entries()) expect(got.groupScores[i]).toBeCloseTo(score, 5);
  });

  const small = { ...BASE, E: 8, nGroup: 4, topkGroup: 1, numExpertsPerTok: 2 };

  test("a masked group is never chosen, even when every biased score is negative", async () => {
    const { indices } = await decide([0, 0, 0, 0, 1, 1, 0, 0], new Float32Array(8).fill(-7), small);
    expect(indices).toEqual([4, 5]);
  });

  test("ties go to the smaller group and the smaller expert", async () => {
    const { indices } = await decide(new Float32Array(8), new Float32Array(8), {
      ...small,
      topkGroup: 2,
      numExpertsPerTok: 3,
    });
    expect(indices).toEqual([0, 1, 2]);
  });

  test("the bias changes who is chosen, never the weight of the same choice", async () => {
    const logits = normals(8 * 50, 9).map(Math.fround);
    const plain = await decide(logits, new Float32Array(8), small);
    const shifted = await decide(logits, new Float32Array(8).fill(0.25), small);
    expect(shifted.indices).toEqual(plain.indices);
    expect(shifted.weights).toEqual(plain.weights);
    expect((await decide(logits, normals(8, 3), small)).indices).not.toEqual(plain.indices);
  });

  test("extreme and broken logits still choose distinct experts", async () => {
    const rows = [[1e30, -1e30, 88, -88, 104, -104, 3e38, -3e38], new Array<number>(8).fill(Number.NaN)];
    const { indices, weights } = await decide(rows.flat(), new Float32Array(8), {
      ...small,
      topkGroup: 4,
      numExpertsPerTok: 8,
    });
    expect(indices.slice(0, 4)).toEqual([0, 2, 4, 6]);
    expect(new Set(indices.slice(0, 8)).size).toBe(8);
    expect([...indices.slice(8)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const [k, e] of indices.slice(0, 8).entries()) expect(weights[k]).toBeCloseTo(e % 2 === 0 ? 2.5 / 4 : 0, 6);
  });

  test("the gradient adds to one that is there already", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logits = tape.watch(gpu.tensor(normals(24, 1), [3, 8]));
    const bias = gpu.zeros([8]);
    const first = route(logits, bias, small);
    const second = route(logits, bias, small);
    tape.backwardFrom([
      [first.scores, gpu.full([3, 8], 1)],
      [second.scores, gpu.full([3, 8], 2)],
    ]);
    const scores = await first.scores.data();
    const gradient = await tape.gradient(logits)!.data();
    for (const [i, s] of scores.entries()) expect(gradient[i]).toBeCloseTo(3 * s * (1 - s), 6);
  });

  test("no tokens", async () => {
    expect((await decide([], new Float32Array(8), small)).indices).toEqual([]);
  });

  test("errors name the key", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [logits, bias] = [gpu.zeros([2, 8]), gpu.zeros([8])];
    const failure = (options: Partial<RouteOptions>) => () => route(logits, bias, { ...small, ...options });
    expect(() => route(logits, gpu.zeros([4]), small)).toThrow(ShapeError);
    expect(() => route(logits, gpu.zeros([4]), small)).toThrow(/route: bias: .*E=8.*\[4\]/);
    expect(failure({ nGroup: 3 })).toThrow(ConfigError);
    expect(failure({ nGroup: 3 })).toThrow(/nGroup: expected a divisor of nRoutedExperts 8, got 3/);
    expect(failure({ topkGroup: 5 })).toThrow(/topkGroup: expected an integer from 1 to 4 \(nGroup\), got 5/);
    expect(failure({ numExpertsPerTok: 3 })).toThrow(/numExpertsPerTok: expected an integer from 1 to 2 .*, got 3/);
  });
});
