import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crossEntropy } from "@ds3/tensor";
import { bf16ToF32, parseSafetensors } from "@ds3/tensor/safetensors";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { evaluate, readNewestCheckpoint, type ValidationRecord } from "../src/index.ts";
import { expectSameCheckpoint, startChild } from "./helpers.ts";
import { BATCH_SIZE, config, createTiny, createTinyBatches, SEQUENCE_LENGTH, trainTiny } from "./tiny-deepseek.ts";

/*
 * The whole model with the real data pipeline: attention, experts with their biases, multi-token prediction, bf16 moments,
 * a cursor in the middle of a shuffled epoch.
 */
const device = useTestGpu();
const [half, whole] = [6, 12];

test("N + N steps of DeepSeek equal 2 N bit for bit, in one process and in two", async () => {
  const { gpu } = device;
  const [reference, folder, processes] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const train = async (run: string, steps: number, seed: number): Promise<void> => {
    using _scope = gpu.scope();
    await trainTiny(createTiny(gpu, seed), run, { steps, resume: true });
  };
  await train(reference, whole, 1);
  await train(folder, half, 1);
  // Fresh parameters of another seed: whatever the checkpoint lacks would show.
  await train(folder, whole, 2);
  await expectSameCheckpoint(folder, reference);
  expect(metrics(folder)).toEqual(metrics(reference));

  for (const steps of [half, whole]) {
    const { code, output } = await startChild("tiny-deepseek-child.ts", [processes, `${steps}`]).ended;
    expect(code, output).toBe(0);
    if (steps === whole) expect(output).toContain(`at step ${half}`);
  }
  await expectSameCheckpoint(processes, reference);
});

test("validation between the steps changes no bit: neither loads nor gradients are touched", async () => {
  const { gpu } = device;
  const [plain, validated] = [temporaryFolder(), temporaryFolder()];
  using _scope = gpu.scope();
  await trainTiny(createTiny(gpu), plain, { steps: half });
  const model = createTiny(gpu);
  const held = createTinyBatches();
  const batches = [held.next(), held.next()];
  const run = () =>
    evaluate({
      gpu,
      batches,
      loss: (batch) => crossEntropy(model.head(model.forward(batch).normed), batch.targets),
      targetCount: ({ targets }) => targets.filter((target) => target >= 0).length,
    });
  const losses: number[] = [];
  const onValidation = ({ validationLoss }: ValidationRecord): void => void losses.push(validationLoss);
  await trainTiny(model, validated, { steps: half, validate: { every: 2, run }, onValidation });
  await expectSameCheckpoint(validated, plain);
  expect(losses).toHaveLength(4);
  expect(losses[0]).toBeCloseTo(Math.log(config.vocabSize), 1);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
});

test("the run that was compared moved everything that a checkpoint holds", async () => {
  const { gpu } = device;
  const folder = temporaryFolder();
  using _scope = gpu.scope();
  await trainTiny(createTiny(gpu), folder, { steps: whole });
  const { files } = (await readNewestCheckpoint(join(folder, "checkpoints")))!;
  const tensors = parseSafetensors(files["model.safetensors"]!);
  const biases = [...tensors].filter(([name]) => name.endsWith("e_score_correction_bias"));
  // One layer with experts and one MTP module.
  expect(biases).toHaveLength(2);
  for (const [name, { data }] of biases) expect(Array.from(data as Float32Array).some(Boolean), name).toBe(true);

  const moments = parseSafetensors(files["optimizer.safetensors"]!);
  for (const [name, { dtype, data }] of moments) {
    expect(dtype, name).toBe("BF16");
    expect(bf16ToF32(data as Uint16Array).some(Boolean), name).toBe(true);
  }
  const state = JSON.parse(new TextDecoder().decode(files["state.json"]));
  expect(state.tokens).toBe(whole * 2 * BATCH_SIZE * SEQUENCE_LENGTH);
  // 48 rows of an epoch of 14: crossed three times, and not at its start.
  expect(state.cursor).toEqual({ epoch: 3, index: 6 });
  expect(state.optimizerSteps).toBe(whole);

  const lines = metrics(folder);
  expect(lines).toHaveLength(whole);
  for (const { loss, terms, expertLoads, tokens, step } of lines) {
    expect(Object.keys(terms)).toEqual(["main", "mtp", "balance"]);
    expect(terms.main! + terms.mtp! + terms.balance!).toBeCloseTo(loss, 5);
    expect(tokens).toBe(step * 2 * BATCH_SIZE * SEQUENCE_LENGTH);
    // Every token of both micro-batches chose its experts; the MTP module sees one token less of each row.
    const [main, mtp] = expertLoads!.map((layer) => layer.reduce((a, b) => a + b, 0));
    expect(main).toBe(2 * BATCH_SIZE * SEQUENCE_LENGTH * config.numExpertsPerTok);
    expect(mtp).toBe(2 * BATCH_SIZE * (SEQUENCE_LENGTH - 1) * config.numExpertsPerTok);
  }
  expect(lines.at(-1)!.loss).toBeLessThan(lines[0]!.loss);
});

interface Line {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly expertLoads?: readonly (readonly number[])[];
}

function metrics(folder: string): Line[] {
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
