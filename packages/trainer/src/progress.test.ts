import { describe, expect, test } from "vitest";
import { createProgressMeter, formatProgress, type Progress, worstLoad } from "./progress.ts";
import type { StepRecord } from "./types.ts";

const record = (step: number, tokens: number, expertLoads?: number[][]): StepRecord => ({
  step,
  tokens,
  loss: 2,
  terms: {},
  learningRate: 1,
  gradientNorm: 1,
  microBatches: 1,
  ...(expertLoads ? { expertLoads } : {}),
});

describe("the meter", () => {
  const run = (startStep: number, startTokens: number, steps: number) => {
    const clock = { seconds: 100 };
    const meter = createProgressMeter({ steps, startStep, startTokens, now: () => clock.seconds });
    return (seconds: number, of: StepRecord): Progress | undefined => {
      clock.seconds = 100 + seconds;
      return meter(of);
    };
  };

  test("speaks at most once a second, and always at the last step", () => {
    const at = run(0, 0, 10);
    const times = [0.3, 0.9, 1.0, 1.5, 1.99, 2.0, 2.1, 4.2, 4.3, 4.4];
    const spoken = times.map((time, i) => at(time, record(i + 1, 10 * (i + 1)))?.step);
    expect(spoken.filter((step) => step !== undefined)).toEqual([3, 6, 8, 10]);
  });

  test("tokens a second and time left count this process's steps alone, at a batch that grew", () => {
    // 100 steps and 5,000 tokens came from the run before; since then 20 steps of 400 tokens in 4 s.
    const at = run(100, 5000, 200);
    const progress = at(
      4,
      record(120, 5000 + 8000, [
        [3, 1],
        [2, 2],
      ]),
    )!;
    expect(progress).toEqual({
      step: 120,
      steps: 200,
      loss: 2,
      tokensPerSecond: 2000,
      seconds: 16,
      worstExpertLoad: 1.5,
    });
  });
});

test("worst load is the largest ratio to a layer's mean", () => {
  expect(
    worstLoad([
      [1, 1, 1, 5],
      [100, 100, 100, 100],
    ]),
  ).toBe(2.5);
  expect(worstLoad([[0, 0]])).toBe(0);
  expect(worstLoad([])).toBe(0);
});

test("the line", () => {
  const progress = { step: 120, steps: 600, loss: 3.4123, tokensPerSecond: 5120, seconds: 92.4 };
  expect(formatProgress(progress)).toBe("step 120/600  loss 3.412  5.1k tok/s  left 1:32");
  expect(formatProgress({ ...progress, tokensPerSecond: 87.6, seconds: 3692, worstExpertLoad: 1.44 })).toBe(
    "step 120/600  loss 3.412  88 tok/s  left 1:01:32  worst expert 1.4x",
  );
  expect(formatProgress({ ...progress, seconds: 0 })).toContain("left 0:00");
});
