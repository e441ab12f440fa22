import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { readNewestCheckpoint, type StepRecord, type TrainOptions, train } from "@ds3/trainer";
import { describe, expect, test } from "vitest";
import {
  computeReferenceLogProbs,
  createPreferenceBatches,
  type DpoLossSettings,
  dpoLossNames,
  dpoModel,
  type PreferenceBatch,
  preferenceAccuracy,
} from "../src/index.ts";
import { createTinyPolicy } from "./tiny-policy.ts";
import { toyPairs } from "./toy-pairs.ts";

const device = useTestGpu();
const pairs = toyPairs(48, 11);
const heldOut = toyPairs(40, 99);

/** A whole run, as a user writes it. */
async function run(
  settings: DpoLossSettings,
  options: Partial<TrainOptions<PreferenceBatch>> & { cache?: string } = {},
) {
  const { gpu } = device;
  const { cache, ...rest } = options;
  const policy = createTinyPolicy(gpu);
  const notes: string[] = [];
  const onNote = (note: string): void => void notes.push(note);
  const reference = await computeReferenceLogProbs(policy, pairs, { onNote, ...(cache ? { cache } : {}) });
  const before = await preferenceAccuracy(policy, heldOut);
  const steps: StepRecord[] = [];
  await train({
    model: dpoModel(policy, settings),
    batches: createPreferenceBatches(pairs, { batch: 8, seed: 3, reference }),
    steps: 40,
    schedule: () => 0.02,
    microBatches: 2,
    onStep: (record) => void steps.push(record),
    onNote,
    ...rest,
  });
  return { steps, before, after: await preferenceAccuracy(policy, heldOut), notes };
}

test.each(dpoLossNames)("%s: training raises margin and accuracy, also on held-out pairs", async (loss) => {
  using _scope = device.gpu.scope();
  const { steps, before, after } = await run({ loss, beta: 0.5, labelSmoothing: loss === "exo_pair" ? 0.1 : 0 });
  const mean = (name: string, from: number): number =>
    steps.slice(from).reduce((sum, { terms }) => sum + terms[name]!, 0) / (steps.length - from);
  // Before the first step policy and reference are one.
  expect(steps[0]!.terms.margin).toBeCloseTo(0, 4);
  expect(mean("margin", 35)).toBeGreaterThan(0.5);
  expect(mean("accuracy", 35)).toBeGreaterThan(0.95);
  expect(mean("chosenReward", 35) - mean("rejectedReward", 35)).toBeCloseTo(mean("margin", 35), 3);
  expect(before).toMatchObject({ n: 40 });
  expect(after.accuracy).toBeGreaterThan(Math.max(0.9, before.accuracy));
  expect(steps[0]!.tokens).toBeGreaterThan(2 * 16 * 3);
});

describe("nllWeight", () => {
  /** The chosen token stands in the rejected completion as well, after another one: to push that away pushes it down. */
  const alike = Array.from({ length: 12 }, (_, i) => {
    const [prompt, chosen] = [Int32Array.of(i, i), Int32Array.of(i)];
    return { prompt, chosen, rejected: Int32Array.of(i + 11, i, i, i) };
  });

  /** Log-probs of chosen completions before and after, and what the last step logs. */
  async function trainAlike(settings: DpoLossSettings) {
    const policy = createTinyPolicy(device.gpu);
    const reference = await computeReferenceLogProbs(policy, alike);
    let terms: StepRecord["terms"] = {};
    await train({
      model: dpoModel(policy, { beta: 0.5, ...settings }),
      batches: createPreferenceBatches(alike, { batch: 12, reference }),
      steps: 30,
      schedule: () => 0.02,
      onStep: (record) => {
        terms = record.terms;
      },
    });
    return { before: reference.chosen, after: (await computeReferenceLogProbs(policy, alike)).chosen, terms };
  }

  test("chosen completions that plain DPO lets fall rise, and the margin still grows", async () => {
    using _scope = device.gpu.scope();
    const plain = await trainAlike({});
    expect(plain.terms.margin).toBeGreaterThan(1);
    expect(plain.terms).not.toHaveProperty("nll");
    for (const [i, logProb] of plain.after.entries()) expect(logProb).toBeLessThan(plain.before[i]! - 0.5);
    const kept = await trainAlike({ nllWeight: 2 });
    expect(kept.terms.margin).toBeGreaterThan(1);
    for (const [i, logProb] of kept.after.entries()) expect(logProb).toBeGreaterThan(kept.before[i]! + 0.5);
    expect(kept.terms.nll).toBeLessThan(1);
  });
});

describe("resume", () => {
  test("N + N steps equal 2 N bit for bit; the reference comes from the cache, not from the trained policy", async () => {
    using _scope = device.gpu.scope();
    const [straight, halved] = [temporaryFolder(), temporaryFolder()];
    const cacheOf = (folder: string) => ({ folder, cache: join(folder, "reference.safetensors") });
    await run({}, { ...cacheOf(straight), steps: 10 });
    await run({}, { ...cacheOf(halved), steps: 5 });
    const { notes } = await run({}, { ...cacheOf(halved), steps: 10, resume: true });
    expect(notes).toEqual([
      `reference log-probs of 48 pairs read from ${join(halved, "reference.safetensors")}`,
      `resumed from ${join(halved, "checkpoints/step-00000005")} at step 5`,
    ]);
    const [a, b] = await Promise.all([straight, halved].map((f) => readNewestCheckpoint(join(f, "checkpoints"))));
    expect(Object.keys(a!.files).sort()).toEqual(Object.keys(b!.files).sort());
    for (const [name, data] of Object.entries(a!.files)) expect(Buffer.compare(data, b!.files[name]!), name).toBe(0);
    const metrics = (folder: string) => readFileSync(join(folder, "metrics.jsonl"), "utf8");
    expect(metrics(halved)).toBe(metrics(straight));
  });
});
