import { add, IGNORED_TARGET, mul, scale } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createBigram, createPairs, type Pairs } from "../test/bigram.ts";
import { fetchMicroBatches } from "./micro-batches.ts";
import { createOptimizer } from "./optimizer.ts";
import { encodeStep } from "./run-step.ts";
import type { BatchSource, TrainableModel } from "./types.ts";

const device = useTestGpu();
const plan = { step: 1, tokens: 0, learningRate: 0, clipNorm: Number.POSITIVE_INFINITY };

/** Micro-batches of a source that is never aborted. */
async function fetched(count: number, source: BatchSource<Pairs> = createPairs()) {
  return (await fetchMicroBatches(source, count))!;
}

const countedIn = ({ targets }: Pairs): number => targets.filter((target) => target !== IGNORED_TARGET).length;

async function gradientsOf(
  model: TrainableModel<Pairs>,
  size: number,
  count: number,
  source: BatchSource<Pairs> = createPairs(size),
) {
  using optimizer = createOptimizer(model.arena);
  const { figures, tokens } = encodeStep(model, await fetched(count, source), optimizer, plan);
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

  test("weighted by their counted targets, ragged ones give gradient, loss and norm of one large batch", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    // 12 pairs each, of which 12, 5, 0, 1 and 7 count.
    const counts = [12, 5, 0, 1, 7];
    const source = createPairs(12);
    const all = counts.map((count) => {
      const { inputs, targets } = source.next();
      return { inputs, targets: targets.map((target, i) => (i < count ? target : IGNORED_TARGET)) };
    });
    const joined = (key: keyof Pairs) => Int32Array.from(all.flatMap((batch) => [...batch[key]]));
    const from = (batches: readonly Pairs[], weighted: boolean): BatchSource<Pairs> => {
      let at = 0;
      return {
        tokensPerBatch: countedIn,
        next: () => batches[at++]!,
        ...(weighted ? { weightOf: countedIn } : {}),
        cursor: () => at,
        seek: () => {},
      };
    };
    const one = await gradientsOf(model, 0, 1, from([{ inputs: joined("inputs"), targets: joined("targets") }], true));
    const many = await gradientsOf(model, 0, 5, from(all, true));
    const largest = Math.max(...one.gradients.map(Math.abs));
    const distance = (other: Float32Array) => Math.max(...other.map((g, i) => Math.abs(g - one.gradients[i]!)));
    expect(distance(many.gradients)).toBeLessThan(1e-6 * largest);
    expect(many.record.loss).toBeCloseTo(one.record.loss, 6);
    expect(many.record.terms.main).toBeCloseTo(one.record.loss, 6);
    expect(many.record.gradientNorm).toBeCloseTo(one.record.gradientNorm, 6);
    expect([one.tokens, many.tokens]).toEqual([25, 25]);
    const unweighted = await gradientsOf(model, 0, 5, from(all, false));
    expect(distance(unweighted.gradients)).toBeGreaterThan(0.1 * largest);
  });

  test("of no weight at all: not run, loss and gradients 0, no terms, and the step is taken", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const bigram = createBigram(gpu);
    const loss = (): never => {
      throw new Error("the model was run");
    };
    const source = { ...createPairs(12), weightOf: () => 0 };
    const { gradients, record, finite, tokens } = await gradientsOf({ ...bigram, loss }, 12, 2, source);
    expect(gradients.every((g) => g === 0)).toBe(true);
    expect(record).toMatchObject({ loss: 0, terms: {}, gradientNorm: 0, microBatches: 2 });
    expect([finite, tokens]).toEqual([true, 24]);
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

  test("a loss that is no number is named", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const bigram = createBigram(gpu);
    const model = { ...bigram, loss: (batch: Pairs) => ({ ...bigram.loss(batch), terms: { mtp: gpu.zeros([2]) } }) };
    using optimizer = createOptimizer(model.arena);
    const microBatches = await fetched(1);
    const before = gpu.stats.liveBuffers;
    expect(() => encodeStep(model, microBatches, optimizer, plan)).toThrow(
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
        const microBatches = await fetched(1, batches);
        return await encodeStep(bad, microBatches, optimizer, { ...plan, step, learningRate: 0.1 }).figures;
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
