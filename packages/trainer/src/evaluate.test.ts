import { crossEntropy, tokenLogProbs } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createBigram, createPairs, type Pairs } from "../test/bigram.ts";
import { NonFiniteError } from "./errors.ts";
import { evaluate } from "./evaluate.ts";

const device = useTestGpu();

/** Three batches of 12 with 12, 5 and 0 counted targets. */
function batches(): Pairs[] {
  const source = createPairs(12);
  return [12, 5, 0].map((counted) => {
    const { inputs, targets } = source.next();
    return { inputs, targets: targets.map((target, i) => (i < counted ? target : -100)) };
  });
}

const targetCount = ({ targets }: Pairs): number => targets.filter((target) => target >= 0).length;

describe("evaluate", () => {
  test("every counted target weighs the same, whatever its batch", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    const rows = await Promise.all(batches().map((batch) => tokenLogProbs(model.logits(batch), batch.targets).data()));
    const mean = -rows.flatMap((row) => [...row]).reduce((a, b) => a + b, 0) / 17;
    const loss = (batch: Pairs) => crossEntropy(model.logits(batch), batch.targets);
    const result = await evaluate({ gpu, batches: batches(), loss, targetCount, bytesPerToken: 2.5 });
    expect(result.validationLoss).toBeCloseTo(mean, 6);
    expect(result.bitsPerByte).toBeCloseTo(mean / Math.log(2) / 2.5, 6);
    expect(await evaluate({ gpu, batches: batches(), loss, targetCount })).toEqual({
      validationLoss: result.validationLoss,
    });
  });

  test("leaves no memory, no gradient and no tape behind, also when a tape is open", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    const before = gpu.stats.liveBuffers;
    using _tape = gpu.tape();
    await evaluate({ gpu, batches: batches(), loss: (batch) => model.loss(batch).total, targetCount });
    expect(gpu.stats.liveBuffers).toBe(before);
    expect(Math.max(...(await model.arena.segments[0]!.gradients.data()).map(Math.abs))).toBe(0);
  });

  test("names the batch whose loss is not finite, and refuses an empty set", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    const options = { gpu, loss: (batch: Pairs) => model.loss(batch).total, targetCount };
    await expect(evaluate({ ...options, batches: batches().slice(2) })).rejects.toThrow(
      /at least one counted target, got 0/,
    );
    await expect(evaluate({ ...options, batches: [], bytesPerToken: 0 })).rejects.toThrow(/bytesPerToken/);
    const list = batches();
    const loss = (batch: Pairs) =>
      batch === list[1] ? gpu.full([1], Number.POSITIVE_INFINITY) : model.loss(batch).total;
    const error = await evaluate({ ...options, batches: list, loss }).catch((error) => error);
    expect(NonFiniteError.is(error)).toBe(true);
    expect(error.message).toMatch(/evaluate: batch 1: expected a finite loss, got Infinity/);
  });
});
