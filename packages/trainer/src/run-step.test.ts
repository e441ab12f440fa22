import { add, mul, scale } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createBigram, createPairs, type Pairs } from "../test/bigram.ts";
import { createOptimizer } from "./optimizer.ts";
import { encodeStep } from "./run-step.ts";
import type { TrainableModel } from "./types.ts";

const device = useTestGpu();
const plan = { step: 1, tokens: 0, learningRate: 0, clipNorm: Number.POSITIVE_INFINITY };

async function gradientsOf(model: TrainableModel<Pairs>, size: number, microBatches: number) {
  using optimizer = createOptimizer(model.arena);
  const { figures, tokens } = encodeStep(model, createPairs(size), optimizer, { ...plan, microBatches });
  const gradients = await model.arena.segments[0]!.gradients.data();
  return { gradients, tokens, ...(await figures) };
}

describe("micro-batches", () => {
  test("k of size b give gradient, loss and norm of one of size k b, to f32 rounding", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    const one = await gradientsOf(model, 42, 1);
    const largest = Math.max(...one.gradients.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    for (const count of [2, 3, 6]) {
      const many = await gradientsOf(model, 42 / count, count);
      for (const [i, g] of one.gradients.entries()) {
        expect(Math.abs(many.gradients[i]! - g), `[${i}] of ${count}`).toBeLessThan(1e-6 * largest);
      }
      expect(many.record.loss).toBeCloseTo(one.record.loss, 6);
      expect(many.record.gradientNorm).toBeCloseTo(one.record.gradientNorm, 6);
      expect(many).toMatchObject({ tokens: 42, finite: true, record: { tokens: 42, microBatches: count } });
    }
  });

  test("terms are means over the micro-batches, by name, and loads are read before afterStep clears them", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const bigram = createBigram(gpu);
    const loads = gpu.tensor([1, 2, 3, 4, 5, 4_000_000_000], [2, 3], "u32");
    let scaled = 0;
    const model: TrainableModel<Pairs> = {
      ...bigram,
      loss: (batch) => {
        const main = bigram.loss(batch).total;
        const mtp = scale(main, ++scaled);
        return { total: add(main, mtp), terms: { main, mtp } };
      },
      expertLoads: () => loads,
      afterStep: () => gpu.clear(loads),
    };
    const { record } = await gradientsOf(model, 12, 1);
    expect(record.terms.mtp).toBeCloseTo(record.terms.main!, 6);
    expect(record.loss).toBeCloseTo(2 * record.terms.main!, 5);
    expect(record.expertLoads).toEqual([
      [1, 2, 3],
      [4, 5, 4_000_000_000],
    ]);
    const alone = await gradientsOf(bigram, 6, 1);
    const both = await gradientsOf(bigram, 6, 2);
    scaled = 0;
    const { record: second } = await gradientsOf(model, 6, 2);
    expect(second.terms.main).toBeCloseTo(both.record.loss, 6);
    // (1 first + 2 second) / 2
    expect(second.terms.mtp).toBeCloseTo(2 * both.record.loss - alone.record.loss / 2, 5);
    expect(second.expertLoads).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test("a loss that is no number is named", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const bigram = createBigram(gpu);
    const model = { ...bigram, loss: (batch: Pairs) => ({ ...bigram.loss(batch), terms: { mtp: gpu.zeros([2]) } }) };
    using optimizer = createOptimizer(model.arena);
    const before = gpu.stats.liveBuffers;
    expect(() => encodeStep(model, createPairs(), optimizer, { ...plan, microBatches: 1 })).toThrow(
      /loss: mtp: expected one f32 number, \[1\], got .*2/,
    );
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

describe("a step that is not finite", () => {
  const poisons = {
    "NaN loss": Number.NaN,
    "infinite loss": Number.POSITIVE_INFINITY,
  };
  test.each(Object.entries(poisons))(
    "%s: neither it nor a later one changes parameters or moments",
    async (_, poison) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const bigram = createBigram(gpu);
      using optimizer = createOptimizer(bigram.arena);
      const batches = createPairs();
      let step = 0;
      const bad: TrainableModel<Pairs> = {
        ...bigram,
        loss: (batch) => {
          const { total, terms } = bigram.loss(batch);
          return { total: step === 3 ? mul(total, gpu.full([1], poison)) : total, terms };
        },
      };
      const run = async () => {
        step += 1;
        return await encodeStep(bad, batches, optimizer, { ...plan, step, learningRate: 0.1, microBatches: 1 }).figures;
      };
      const state = () =>
        Promise.all(
          [bigram.arena.segments[0]!.values, optimizer.moments[0]!.first, optimizer.moments[0]!.second].map((t) =>
            t.data(),
          ),
        );
      expect([(await run()).finite, (await run()).finite]).toEqual([true, true]);
      const before = await state();
      expect((await run()).finite).toBe(false);
      expect(await state()).toEqual(before);
      // Step 4's own gradients are finite.
      expect((await run()).finite).toBe(false);
      expect(await state()).toEqual(before);
    },
  );
});
