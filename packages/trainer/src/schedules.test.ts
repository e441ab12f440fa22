import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { expectClose, fixturesRoot, skipVisibly, uniforms } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import {
  batchSequences,
  type CosineSchedule,
  deepseekV3BatchRamp,
  deepseekV3Schedule,
  type LearningRateSchedule,
  learningRate,
  multiStepSchedule,
  scaleBatchRamp,
  scaleSchedule,
} from "./schedules.ts";

const cosine: CosineSchedule = { kind: "cosine", peak: 1e-3, floor: 1e-4, warmupSteps: 100, totalSteps: 1000 };
const all: LearningRateSchedule[] = [deepseekV3Schedule, multiStepSchedule, cosine];

describe("every row of the external tables", () => {
  const tables = externalTables();
  if (tables === undefined) return skipVisibly("schedules: no external tables (set DS3_FIXTURES)");
  type Row = Readonly<Record<"step" | "tokens" | "fraction" | "lr" | "batch_sequences", number>>;
  const compare = (name: string, rows: Row[], want: "lr" | "batch_sequences", got: (row: Row) => number) => {
    expect(rows.length).toBeGreaterThan(0);
    expectClose(
      rows.map(got),
      rows.map((row) => row[want]),
      { name, rtol: 1e-12 },
    );
  };
  test("DeepSeek-V3", () => {
    const { config, warmup, by_tokens } = tables.deepseek_v3;
    const schedule = {
      ...deepseekV3Schedule,
      peak: config.peak,
      warmupSteps: config.warmup_steps,
      constantUntil: config.constant_until,
      decayTokens: config.decay_tokens,
      floor: config.floor,
      holdTokens: config.hold_tokens,
      last: config.last,
      lastTokens: config.last_tokens,
    };
    for (const rows of [warmup, by_tokens]) {
      compare("deepseek_v3", rows, "lr", ({ step, tokens }) => learningRate(schedule, step, tokens));
    }
  });
  test("multi-step", () => {
    const { config, rows } = tables.multi_step;
    const schedule = { ...multiStepSchedule, peak: config.peak, warmupSteps: config.warmup_steps, totalTokens: 1 };
    compare("multi_step", rows, "lr", ({ step, fraction }) => learningRate(schedule, step, fraction));
  });
  test("batch ramp", () => {
    const { config, rows } = tables.batch_ramp;
    const ramp = { start: config.start, end: config.end, rampTokens: config.ramp_tokens };
    compare("batch_ramp", rows, "batch_sequences", ({ tokens }) => batchSequences(ramp, tokens));
  });
});

/** The JSON file of topic optim that holds schedules. */
function externalTables() {
  const folder = join(fixturesRoot() ?? "", "optim");
  if (fixturesRoot() === undefined || !existsSync(folder)) return undefined;
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.map((file) => JSON.parse(readFileSync(join(folder, file), "utf8"))).find((json) => "batch_ramp" in json);
}

test("DeepSeek-V3's five phases at its own numbers", () => {
  const rate = (tokens: number) => learningRate(deepseekV3Schedule, 1e6, tokens);
  expect(learningRate(deepseekV3Schedule, 500, 0)).toBeCloseTo(5.5e-5, 18);
  expect([rate(0), rate(9.99e12), rate(14.3e12), rate(14.632e12)]).toEqual([2.2e-4, 2.2e-4, 2.2e-5, 2.2e-5]);
  expect(rate(12.15e12)).toBeCloseTo(1.21e-4, 15);
  expect([rate(14.633e12), rate(14.8e12), rate(99e12)]).toEqual([7.3e-6, 7.3e-6, 7.3e-6]);
});

test("the total number of steps is what the batch ramp gives at 4096 tokens a sequence", () => {
  let tokens = 0;
  let steps = 0;
  for (; tokens < 14.8e12; steps++) tokens += 4096 * batchSequences(deepseekV3BatchRamp, tokens);
  expect(steps).toBe(deepseekV3Schedule.totalSteps);
});

test.each(all)("$kind: warm-up rises from 0 to the peak, and no rate is above it or below 0", (schedule) => {
  const { peak, warmupSteps } = schedule;
  expect([0, warmupSteps / 2, warmupSteps].map((step) => learningRate(schedule, step, 0))).toEqual([0, peak / 2, peak]);
  const next = uniforms(1);
  for (let i = 0; i < 500; i++) {
    const rate = learningRate(schedule, next() * 2 * schedule.totalSteps, next() * 20e12);
    expect(rate).toBeGreaterThanOrEqual(0);
    expect(rate).toBeLessThanOrEqual(peak);
  }
});

test.each(all)("$kind: after the warm-up the rate never rises", (schedule) => {
  let before = schedule.peak;
  for (let i = 0; i <= 400; i++) {
    const share = i / 300;
    const step = schedule.warmupSteps + share * (schedule.totalSteps - schedule.warmupSteps);
    const rate = learningRate(schedule, step, share * 15e12);
    expect(rate).toBeLessThanOrEqual(before);
    before = rate;
  }
});

test.each(all)("$kind: scaled to 300 steps it gives the same rate at the same share of the run", (schedule) => {
  const length = { totalSteps: 300, totalTokens: 614_400 };
  const scaled = scaleSchedule(schedule, length);
  const tokens = schedule.kind === "multi-step" ? schedule.totalTokens : 14.8e12;
  for (let i = 0; i < 100; i++) {
    const share = (i + 0.5) / 100;
    if (share * 300 < scaled.warmupSteps || share * schedule.totalSteps < schedule.warmupSteps) continue;
    const want = learningRate(schedule, share * schedule.totalSteps, share * tokens);
    expect(learningRate(scaled, share * 300, share * length.totalTokens)).toBeCloseTo(want, 6);
  }
  expect(scaled.peak).toBe(schedule.peak);
  expect(scaled.warmupSteps).toBe(Math.max(1, Math.round((300 * schedule.warmupSteps) / schedule.totalSteps)));
});

test("scaling to the schedule's own length changes nothing", () => {
  const own = { totalSteps: deepseekV3Schedule.totalSteps, totalTokens: 14.8e12 };
  expect(scaleSchedule(deepseekV3Schedule, own)).toEqual(deepseekV3Schedule);
});

test("a run without steps or tokens is refused", () => {
  for (const length of [
    { totalSteps: 0, totalTokens: 1 },
    { totalSteps: 1, totalTokens: Number.NaN },
  ]) {
    expect(() => scaleSchedule(cosine, length)).toThrow(ConfigError);
  }
});

test("cosine ends at its floor and stays there", () => {
  expect(learningRate(cosine, 550, 0)).toBeCloseTo(5.5e-4, 15);
  expect([learningRate(cosine, 1000, 0), learningRate(cosine, 5000, 0)]).toEqual([1e-4, 1e-4]);
});

test("a scaled batch ramp keeps its shape", () => {
  const ramp = scaleBatchRamp(deepseekV3BatchRamp, { totalTokens: 14.8e6, end: 15 });
  expect(ramp).toEqual({ start: 3, end: 15, rampTokens: 469e3 });
  expect(batchSequences(ramp, 234_500)).toBe(9);
  expect(scaleBatchRamp(deepseekV3BatchRamp, { totalTokens: 1e6, end: 2 }).start).toBe(1);
});
