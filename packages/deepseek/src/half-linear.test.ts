/** Training with linear layers in halves, against the same training in f32. */
import { adamwStep, createMoments, gradientNorm, type HalfDtype, halfGroupedLinear, halfLinear } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { createDeepseek } from "./model.ts";

const device = useTestGpu();
const config = { ...smallConfig, numNextnPredictLayers: 0 };
const [batch, length, steps] = [2, 24, 20];
const tokens = normals(batch * (length + 1), 5).map((value) => Math.abs(Math.round(value * 12)) % config.vocabSize);
const rows = (from: number): Int32Array<ArrayBuffer> =>
  Int32Array.from(
    { length: batch * length },
    (_, i) => tokens[Math.floor(i / length) * (length + 1) + (i % length) + from]!,
  );

/** The losses of some steps on one batch. */
async function train(dtype: HalfDtype | "f32"): Promise<number[]> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const options = dtype === "f32" ? {} : { linear: halfLinear(dtype), groupedLinear: halfGroupedLinear(dtype) };
  const model = createDeepseek(gpu, config, { seed: 3, ...options });
  const moments = model.arena.segments.map((segment) => createMoments(segment, "f32"));
  const settings = { learningRate: 3e-3, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 } as const;
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    using _step = gpu.scope();
    using tape = gpu.tape();
    model.arena.zeroGradients();
    const { total } = model.loss({ inputs: rows(0), targets: rows(1), batch, length });
    tape.backward(total);
    const stats = gradientNorm(model.arena.segments, total, 1);
    for (const [i, segment] of model.arena.segments.entries()) {
      adamwStep(segment, moments[i]!, stats, { ...settings, step });
    }
    model.afterStep();
    losses.push(await total.item());
  }
  return losses;
}

/**
 * The longest way through the model and back passes 2 layers of 5 linears twice, and each rounds two operands: 40
 * roundings of up to u = 2^-11 (f16) or 2^-8 (bf16), independent of each other, so that their relative errors add up as
 * squares. Of the loss at the start, that is how far a step may be off; the steps do not drift apart further, as all of
 * them descend to the same minimum.
 */
const boundOf = (u: number, start: number): number => Math.sqrt(40) * u * start;

test("f16 and bf16 follow f32", { timeout: 60_000 }, async () => {
  const want = await train("f32");
  expect(want.at(-1)).toBeLessThan(want[0]! / 3);
  for (const [dtype, u] of [
    ["f16", 2 ** -11],
    ["bf16", 2 ** -8],
  ] as const) {
    const got = await train(dtype);
    expect(got[0], "products of halves").not.toBe(want[0]);
    for (const [step, loss] of got.entries()) {
      expect(Math.abs(loss - want[step]!), `${dtype}, step ${step}`).toBeLessThan(boundOf(u, want[0]!));
    }
  }
});
