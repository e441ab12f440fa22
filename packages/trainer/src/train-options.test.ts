import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { checkTrainOptions, microBatchesAt, type TrainOptions } from "./train-options.ts";

const valid = { steps: 1 } as TrainOptions<unknown>;
const refused = (options: Partial<TrainOptions<unknown>>) => () => checkTrainOptions({ ...valid, ...options });

test("options that make no sense are named", () => {
  expect(refused({})).not.toThrow();
  for (const steps of [0, 1.5, Number.NaN]) expect(refused({ steps })).toThrow(OutOfRangeError);
  expect(refused({ steps: 0 })).toThrow(/train: steps: expected an integer >= 1, got 0/);
  expect(refused({ checkpointEvery: 0 })).toThrow(/checkpointEvery/);
  expect(refused({ keepCheckpoints: 0 })).toThrow(/keepCheckpoints/);
  expect(refused({ validate: { every: 0.5, run: async () => ({ validationLoss: 0 }) } })).toThrow(/validate.every/);
  expect(refused({ microBatches: 2.5 })).toThrow(/microBatches: .* got 2.5/);
  expect(refused({ clipNorm: 0 })).toThrow(/clipNorm/);
});

test("micro-batches: 1, a number, or a ramp of whole numbers", () => {
  expect(microBatchesAt(valid, 0, 0)).toBe(1);
  expect(microBatchesAt({ ...valid, microBatches: 3 }, 0, 0)).toBe(3);
  const microBatches = (step: number, tokens: number) => step + tokens / 10;
  expect(microBatchesAt({ ...valid, microBatches }, 2, 20)).toBe(4);
  expect(() => microBatchesAt({ ...valid, microBatches }, 2, 25)).toThrow(/microBatches\(2, 25\): .* got 4.5/);
});
