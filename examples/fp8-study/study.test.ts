import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatches } from "@ds3/data";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { StateError } from "@ds3/errors";
import type { Session } from "@ds3/example-shared";
import { type Gpu, openGpu } from "@ds3/tensor";
import { TrainingCheckpointError } from "@ds3/trainer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { study } from "./main.ts";
import { measurePlanted } from "./measure-outliers.ts";
import { measureRounding } from "./measure-rounding.ts";
import { type RunMetrics, readMetrics } from "./read-metrics.ts";
import { readTrained } from "./read-trained.ts";
import { readResults } from "./results.ts";
import { ablationRuns, continuedRuns, folderOf, percentRun, repeatRun, type StudyRun, scratchRuns } from "./runs.ts";
import { type StudyPlan, studyPlan } from "./study-config.ts";
import { prepareData, type StudyData } from "./study-data.ts";
import { trainRun } from "./train-run.ts";

const words = "the a cat dog sat ran on mat hill and what is one two three plus equals sum of who are you".split(" ");
const STEPS = 6;
const plan: StudyPlan = {
  ...{ ...studyPlan, steps: STEPS, seeds: [0] },
  ...{ ablationSteps: STEPS, diagnosisSeed: 0, diagnosisSteps: STEPS, checkpointEvery: 4 },
};
const FLAGS = `--seeds 1 --steps ${STEPS}`;

let folder: string;
let text: string;
let data: StudyData;
/** Of all runs that no command trains: a device compiles the model's kernels once. */
let gpu: Gpu;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  text = join(folder, "my.txt");
  await writeFile(text, Array.from({ length: 20_000 }, (_, i) => words[(i * i + 3 * i) % 23]).join(" "));
  data = await prepareData({ data: [text], column: "text" }, plan, () => {});
  gpu = await openGpu();
});
afterAll(async () => {
  await gpu[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Collects what is printed; aborts at a line that matches. */
function listen(stopAt?: RegExp): { readonly lines: string[]; readonly session: Session } {
  const lines: string[] = [];
  const controller = new AbortController();
  const print = (line: string): void => {
    lines.push(line);
    if (stopAt?.test(line)) controller.abort();
  };
  return { lines, session: { print, status: () => {}, signal: controller.signal } };
}

/** One run of the command. */
async function command(out: string, flags: string, stopAt?: RegExp): Promise<string[]> {
  const { lines, session } = listen(stopAt);
  await study(["--data", text, "--out", join(folder, out), ...flags.split(" ")], session);
  return lines;
}

/** Trains to the end on the device of all tests; gives what was printed. */
async function trainOne(out: string, run: StudyRun): Promise<string[]> {
  const { lines, session } = listen();
  expect(await trainRun(gpu, join(folder, out), run, plan, data, session)).toBe(true);
  return lines;
}

const metricsOf = (out: string, run: StudyRun): Promise<RunMetrics> => readMetrics(folderOf(join(folder, out), run));
const copyRun = (run: StudyRun, from: string, to: string, as = run): Promise<void> =>
  cp(folderOf(join(folder, from), run), folderOf(join(folder, to), as), { recursive: true });

const [f32, bf16, fp8] = scratchRuns(0, plan);
const continued = continuedRuns(0, plan);

test("a pair is trained once; what is stopped goes on to the same losses; page and drawing are written", async () => {
  const flags = `--part pairs ${FLAGS}`;
  expect((await command("whole", flags, /^f32-0: finished/)).at(-1)).toMatch(/same command goes on/);
  const resumed = await command("whole", flags);
  expect(resumed).toContainEqual(expect.stringMatching(/^fp8-0: resumed from/));
  expect(resumed.join("\n")).not.toContain("f32-0: ");
  expect(resumed.at(-1)).toMatch(/fp8-study\.md has no figures yet for: verdictContinued, control, diagnosis/);
  const page = await readFile(join(folder, "whole", "fp8-study.md"), "utf8");
  expect(page).toMatch(/<!-- verdict -->\s+\*\*From scratch\.\*\* Over the last third of 6 steps/);
  expect(page).toMatch(/^\| fp8-0 +\| f32-0 +\|/m);
  expect(await readFile(join(folder, "whole", "fp8-study.svg"), "utf8")).toContain(">seed 0<");
  await trainOne("other", fp8);
  expect((await metricsOf("whole", fp8)).losses).toHaveLength(STEPS);
  expect(await metricsOf("whole", fp8)).toEqual(await metricsOf("other", fp8));
  // Three devices compile the model's kernels, which on a busy software adapter takes a while.
}, 300_000);

test("a folder of another study is refused, and so is text that would be seen twice", async () => {
  await expect(command("whole", "--part pairs --seeds 1 --steps 7")).rejects.toThrow(
    /--out: expected a folder of this study/,
  );
  await expect(command("long", "--part pairs --seeds 1 --steps 2000")).rejects.toThrow(/see none twice/);
  const enough = Math.floor((data.training.tokens.length - 1) / (plan.batchSize * plan.sequenceLength));
  await expect(command("long", `--part continued --seeds 1 --steps ${enough}`)).rejects.toThrow(
    new RegExp(`so that ${2 * enough} steps see none twice`),
  );
});

test("the two runs of a seed begin alike, and FP8 is not f32", async () => {
  const [base, other] = [await metricsOf("whole", f32), await metricsOf("whole", fp8)];
  expect(other.losses).not.toEqual(base.losses);
  for (const [i, loss] of base.losses.entries()) expect(Math.abs(other.losses[i]! / loss - 1)).toBeLessThan(0.01);
});

test("f32 again: weights off by a millionth give other losses, close to the first ones", async () => {
  const run = repeatRun(0, plan);
  await trainOne("whole", run);
  const [base, control] = [await metricsOf("whole", f32), await metricsOf("whole", run)];
  expect(control.losses).not.toEqual(base.losses);
  for (const [i, loss] of base.losses.entries()) expect(Math.abs(control.losses[i]! / loss - 1)).toBeLessThan(1e-3);
});

test("what is continued starts from the trained weights, router biases included, on the batches that follow", async () => {
  for (const run of continued) await trainOne("whole", run);
  const trained = await readTrained(join(folder, "whole"), f32);
  const batches = createBatches({ ...data.training, batchSize: 2, sequenceLength: 320, seed: 0 });
  for (let i = 0; i < STEPS; i++) batches.next();
  const model = await loadCheckpoint(gpu, trained.folder);
  const { terms } = model.loss({ ...batches.next().value!, batch: 2, length: 320 });
  const [first] = await terms.main!.data();
  const [base, bf16, rounded] = await Promise.all(continued.map((run) => metricsOf("whole", run)));
  expect(base!.losses[0]).toBe(first);
  expect(base!.heldOut.get(0)).toBe((await metricsOf("whole", f32)).heldOut.get(STEPS));
  for (const other of [bf16!, rounded!]) {
    expect(other.losses).toHaveLength(STEPS);
    expect(other.losses[0]).not.toBe(first);
    expect(Math.abs(other.losses[0]! / Number(first) - 1)).toBeLessThan(0.01);
  }
  const {
    continued: { pairs, baselines, controls },
  } = await readResults(join(folder, "whole"), plan);
  expect([...pairs, ...baselines, ...controls].map(({ run, against }) => [run.name, against.name])).toEqual([
    ["continued-fp8-0", "continued-f32-0"],
    ["continued-fp8-0", "continued-bf16-0"],
    ["continued-bf16-0", "continued-f32-0"],
  ]);
}, 300_000);

test("what is continued goes on where it was killed, to the same losses, and from no other start", async () => {
  const run = continued[2];
  await copyRun(f32, "whole", "killed");
  await copyRun(run, "whole", "killed");
  await rm(join(folder, "killed", run.name, "checkpoints", "step-00000006"), { recursive: true });
  expect(await trainOne("killed", run)).toContainEqual(expect.stringMatching(/resumed from .*step-00000004/));
  expect(await metricsOf("killed", run)).toEqual(await metricsOf("whole", run));
  await copyRun(run, "whole", "otherStart");
  await copyRun(repeatRun(0, plan), "whole", "otherStart", f32);
  const refused = trainRun(gpu, join(folder, "otherStart"), run, plan, data, listen().session);
  await expect(refused).rejects.toThrow(/settings\.start/);
  await expect(refused).rejects.toSatisfy((error) => TrainingCheckpointError.is(error));
}, 300_000);

test("a start that is not there, or not finished, is refused", async () => {
  const [run] = continued;
  const start = async (out: string, steps: number): Promise<unknown> => {
    const other = { ...plan, steps };
    return trainRun(gpu, join(folder, out), run, other, data, listen().session).catch((error) => error);
  };
  const missing = await start("nowhere", STEPS);
  expect(StateError.is(missing)).toBe(true);
  expect(`${missing}`).toMatch(/f32-0: expected a run that has finished its 6 steps, got no checkpoint.*--part pairs/);
  const early = await start("whole", STEPS + 1);
  expect(StateError.is(early)).toBe(true);
  expect(`${early}`).toMatch(/finished its 7 steps, got a checkpoint after step 6/);
});

test("the diagnosis: f32 from weights off by a hundredth, and bf16, each beside the first steps of the f32 run", async () => {
  const root = join(folder, "whole");
  expect((await readResults(root, plan)).diagnosis).toEqual([]);
  for (const run of [percentRun(plan), bf16]) await trainOne("whole", run);
  const { diagnosis } = await readResults(root, plan);
  expect(diagnosis.map(({ run }) => run.name)).toEqual(["control-0", "f32-percent-0", "bf16-0", "fp8-0"]);
  const [again, percent] = diagnosis.map(({ windows }) => Math.max(...windows.map(Math.abs)));
  expect(percent).toBeGreaterThan(again!);
  const { losses } = await metricsOf("whole", bf16);
  expect(losses).not.toEqual((await metricsOf("whole", f32)).losses);
  const { baselines, controls } = (await readResults(root, plan)).scratch;
  expect([...baselines, ...controls].map(({ run, against }) => [run.name, against.name])).toEqual([
    ["fp8-0", "bf16-0"],
    ["bf16-0", "f32-0"],
  ]);
}, 300_000);

test("trained weights are measured: f32 is as the run left it, bf16 and FP8 close", async () => {
  const [losses] = await measureRounding(gpu, join(folder, "whole"), plan, data);
  const last = (await metricsOf("whole", f32)).heldOut.get(STEPS)!;
  expect(losses).toMatchObject({ seed: 0, f32: last });
  for (const loss of [losses!.bf16, losses!.fp8]) {
    expect(loss).not.toBe(last);
    expect(Math.abs(loss / last - 1)).toBeLessThan(0.01);
  }
  expect(losses!.bf16).not.toBe(losses!.fp8);
  expect((await metricsOf("whole", continued[2])).heldOut.get(0)).toBe(losses!.fp8);
});

test("outliers are measured on trained weights: FP8 is close to f32, and one scale a tensor another FP8", async () => {
  const root = join(folder, "whole");
  const { step, f32: base, losses } = await measurePlanted(gpu, root, f32, plan, data, { factors: [2 ** 12] });
  expect(step).toBe(STEPS);
  expect(data.heldOut.length).toBeLessThanOrEqual(16);
  expect(base).toBe((await metricsOf("whole", f32)).heldOut.get(STEPS));
  const [{ tile, tensor }] = losses as [(typeof losses)[number]];
  expect(tile).not.toBe(tensor);
  for (const loss of [tile, tensor]) {
    expect(loss).not.toBe(base);
    expect(Math.abs(loss / base - 1)).toBeLessThan(0.05);
  }
}, 300_000);

test("outliers are trained with, from trained weights: beside the first steps of the continued FP8 run", async () => {
  const planted = ablationRuns(continued[2], plan)[2]!;
  await trainOne("whole", planted);
  const { ablation } = (await readResults(join(folder, "whole"), plan)).continued;
  expect(ablation.map(({ run, against }) => [run.name, against.name])).toEqual([
    ["continued-fp8-0", "continued-f32-0"],
    ["continued-fp8-tensor-outliers-0", "continued-f32-0"],
  ]);
  const [without, withOutliers] = ablation.map(({ other }) => other.losses);
  expect(withOutliers).not.toEqual(without);
  expect(Math.abs(withOutliers![0]! / without![0]! - 1)).toBeLessThan(0.05);
}, 300_000);

test("a page of everything that is finished", async () => {
  const page = await command("whole", `--part report ${FLAGS}`);
  expect(page.join("\n")).toMatch(/\*\*From scratch\.\*\*[\s\S]*\*\*Continued from trained weights\.\*\*/);
  expect(page.at(-1)).toMatch(/no figures yet for: rounding, planted, outliers, promotion$/);
});
