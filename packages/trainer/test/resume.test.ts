import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createBigram, createPairs } from "./bigram.ts";
import { expectSameCheckpoint, startChild } from "./helpers.ts";
import { trainBigram } from "./train-bigram.ts";

const device = useTestGpu();

/** 2 N = 20 steps without a stop. */
async function straight(moments: "f32" | "bf16"): Promise<string> {
  const folder = temporaryFolder();
  using _scope = device.gpu.scope();
  const result = await trainBigram(createBigram(device.gpu), createPairs(), {
    folder,
    steps: 20,
    optimizer: { moments },
  });
  expect(result).toEqual({
    steps: 20,
    tokens: 480,
    stopped: false,
    checkpoint: join(folder, "checkpoints/step-00000020"),
  });
  return folder;
}

describe.each(["f32", "bf16"] as const)("N + N steps equal 2 N bit for bit, %s moments", (moments) => {
  test("in one process", async () => {
    const { gpu } = device;
    const reference = await straight(moments);
    const folder = temporaryFolder();
    const notes: string[] = [];
    for (const steps of [10, 20]) {
      using _scope = gpu.scope();
      // Other initial parameters the second time: all must come from the checkpoint.
      const model = createBigram(gpu, steps);
      if (steps === 10) await model.load(await createBigram(gpu).save());
      const onNote = (note: string): void => void notes.push(note);
      await trainBigram(model, createPairs(), { folder, steps, optimizer: { moments }, resume: true, onNote });
    }
    await expectSameCheckpoint(folder, reference);
    expect(notes).toEqual([`resumed from ${join(folder, "checkpoints/step-00000010")} at step 10`]);
    expect(metrics(folder)).toEqual(metrics(reference));
  });

  test("in two processes", async () => {
    const reference = await straight(moments);
    const folder = temporaryFolder();
    for (const steps of ["10", "20"]) {
      const { code, output } = await startChild("bigram-child.ts", [folder, steps, moments]).ended;
      expect(code, output).toBe(0);
      expect(output).toContain(`step ${steps}.`);
    }
    await expectSameCheckpoint(folder, reference);
    expect(metrics(folder)).toEqual(metrics(reference));
  });
});

describe("an abort", () => {
  test("finishes the step, saves, says so, and the run goes on bit for bit", async () => {
    const { gpu } = device;
    const reference = await straight("f32");
    const folder = temporaryFolder();
    const controller = new AbortController();
    {
      using _scope = gpu.scope();
      const onStep = ({ step }: { step: number }): void => {
        if (step === 6) controller.abort();
      };
      const result = await trainBigram(createBigram(gpu), createPairs(), {
        folder,
        steps: 20,
        signal: controller.signal,
        onStep,
      });
      // Figures arrive a step late: step 7 was on the GPU when the signal came.
      expect(result).toMatchObject({ steps: 7, stopped: true, checkpoint: join(folder, "checkpoints/step-00000007") });
      expect(metrics(folder).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu, 2), createPairs(), { folder, steps: 20, resume: true });
    await expectSameCheckpoint(folder, reference);
  });

  test("by a real Ctrl-C saves and exits 0; the run goes on bit for bit", async () => {
    const folder = temporaryFolder();
    const child = startChild("bigram-child.ts", [folder, "100000", "f32", "abortable"]);
    await child.printed("step 5.");
    child.kill("SIGINT");
    const { code, output } = await child.ended;
    expect(code, output).toBe(0);
    expect(output).toContain("aborted by SIGINT");
    expect(output).toContain("stopped: true");
    const stoppedAt = metrics(folder).length;
    expect(stoppedAt).toBeGreaterThanOrEqual(5);

    const { gpu } = device;
    const reference = temporaryFolder();
    const steps = stoppedAt + 5;
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), { folder: reference, steps });
    await trainBigram(createBigram(gpu, 2), createPairs(), { folder, steps, resume: true });
    await expectSameCheckpoint(folder, reference);
  });

  test("by a second Ctrl-C exits at once with 130", async () => {
    const child = startChild("hang-child.ts", []);
    await child.printed("ready");
    child.kill("SIGINT");
    await child.printed("aborted by SIGINT");
    child.kill("SIGINT");
    const { code, output } = await child.ended;
    expect(code, output).toBe(130);
    expect(output).not.toContain("never");
  });
});

describe("metrics.jsonl", () => {
  test("a run that was killed loses what its checkpoint did not see, and a half-written line", async () => {
    const { gpu } = device;
    const reference = await straight("f32");
    const folder = temporaryFolder();
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), { folder, steps: 10 });
    const path = join(folder, "metrics.jsonl");
    const { appendFileSync } = await import("node:fs");
    appendFileSync(path, '{"step":11,"loss":99}\n{"step":12,"lo');
    await trainBigram(createBigram(gpu), createPairs(), { folder, steps: 20, resume: true });
    expect(metrics(folder)).toEqual(metrics(reference));
  });

  test("a fresh start moves an earlier run aside, checkpoints and all", async () => {
    const { gpu } = device;
    const folder = temporaryFolder();
    const notes: string[] = [];
    const onNote = (note: string): void => void notes.push(note);
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), { folder, steps: 5 });
    const result = await trainBigram(createBigram(gpu), createPairs(), { folder, steps: 3, onNote });
    expect(result.steps).toBe(3);
    expect(metrics(folder)).toHaveLength(3);
    expect(metrics(join(folder, "previous"))).toHaveLength(5);
    expect(existsSync(join(folder, "previous/checkpoints/step-00000005/manifest.json"))).toBe(true);
    expect(existsSync(join(folder, "checkpoints/step-00000005"))).toBe(false);
    expect(notes).toEqual([`an earlier run's checkpoints and metrics are now in ${join(folder, "previous")}`]);
  });
});

function metrics(folder: string): { step: number }[] {
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
