import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "@ds3/trainer";
import { type LossError, lossError } from "./loss-error.ts";
import type { PlantedLosses } from "./measure-outliers.ts";
import type { RoundingLosses } from "./measure-rounding.ts";
import type { PromotionError } from "./promotion.ts";
import { type RunMetrics, readFinished, readMetrics } from "./read-metrics.ts";
import {
  ablationRuns,
  continuedRuns,
  folderOf,
  percentRun,
  repeatRun,
  type SeedRuns,
  type StudyRun,
  scratchRuns,
} from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import { windowErrors } from "./window-errors.ts";

/** A run against another of its seed, over as many steps as it has. */
export interface Comparison {
  readonly run: StudyRun;
  /** Whose curve is `base`. */
  readonly against: StudyRun;
  readonly base: Curve;
  readonly other: Curve;
  readonly error: LossError;
}

/** What is compared of a run. */
export interface Curve {
  readonly losses: readonly number[];
  /** Nats a held-out token after the last of these steps. */
  readonly heldOut: number;
}

/** Runs from new or from trained weights, a comparison a seed. */
export interface Protocol {
  /** FP8 against f32. */
  readonly pairs: readonly Comparison[];
  /** FP8 against bf16, the report's own baseline. */
  readonly baselines: readonly Comparison[];
  /** bf16 against f32. */
  readonly controls: readonly Comparison[];
  /** FP8 with other scales and outliers against f32, FP8 as it is first; none before one of them is finished. */
  readonly ablation: readonly Comparison[];
}

/** How a run leaves the course of the f32 run of its seed. */
export interface Departure {
  readonly run: StudyRun;
  /** As `windowErrors`. */
  readonly windows: readonly number[];
}

/** All that is finished so far. */
export interface StudyResults {
  readonly plan: StudyPlan;
  readonly scratch: Protocol;
  readonly continued: Protocol;
  /** From scratch: f32 from other last bits against f32. */
  readonly repeats: readonly Comparison[];
  /** The first steps of every run of one seed; none before that of the diagnosis is finished. */
  readonly diagnosis: readonly Departure[];
  /** Trained weights of every seed, not trained any further. */
  readonly rounding: readonly RoundingLosses[] | undefined;
  readonly planted: PlantedLosses | undefined;
  readonly promotion: readonly PromotionError[] | undefined;
}

/** Reads what the folder of the study holds. */
export async function readResults(root: string, plan: StudyPlan): Promise<StudyResults> {
  const repeats: Comparison[] = [];
  for (const seed of plan.seeds) {
    repeats.push(...(await compare(root, repeatRun(seed, plan), scratchRuns(seed, plan)[0])));
  }
  return {
    plan,
    scratch: await readProtocol(root, plan, scratchRuns),
    continued: await readProtocol(root, plan, continuedRuns),
    repeats,
    diagnosis: await readDiagnosis(root, plan),
    rounding: await readKept<RoundingLosses[]>(root, "rounding"),
    planted: await readKept<PlantedLosses>(root, "planted"),
    promotion: await readKept<PromotionError[]>(root, "promotion"),
  };
}

async function readProtocol(root: string, plan: StudyPlan, runsOf: typeof scratchRuns): Promise<Protocol> {
  const pairs: Comparison[] = [];
  const baselines: Comparison[] = [];
  const controls: Comparison[] = [];
  for (const seed of plan.seeds) {
    const [f32, bf16, fp8] = runsOf(seed, plan);
    pairs.push(...(await compare(root, fp8, f32)));
    baselines.push(...(await compare(root, fp8, bf16)));
    controls.push(...(await compare(root, bf16, f32)));
  }
  return { pairs, baselines, controls, ablation: await readAblation(root, plan, runsOf(plan.seeds[0]!, plan)) };
}

async function readAblation(root: string, plan: StudyPlan, [f32, , fp8]: SeedRuns): Promise<Comparison[]> {
  const ablation: Comparison[] = [];
  for (const run of ablationRuns(fp8, plan)) ablation.push(...(await compare(root, run, f32)));
  if (ablation.length === 0) return [];
  return [...(await compare(root, { ...fp8, steps: plan.ablationSteps }, f32)), ...ablation];
}

async function readDiagnosis(root: string, plan: StudyPlan): Promise<Departure[]> {
  const { diagnosisSeed: seed, diagnosisSteps: steps } = plan;
  const percent = percentRun(plan);
  const [f32, bf16, fp8] = scratchRuns(seed, plan);
  const lossesOf = async (run: StudyRun): Promise<readonly number[]> => {
    return (await readMetrics(folderOf(root, run))).losses.slice(0, steps);
  };
  const base = await lossesOf(f32);
  const departures: Departure[] = [];
  for (const run of [repeatRun(seed, plan), percent, bf16, fp8]) {
    const losses = await lossesOf(run);
    const isThere = losses.length === steps && base.length === steps;
    if (isThere) departures.push({ run, windows: windowErrors(base, losses) });
    else if (run === percent) return [];
  }
  return departures;
}

/** A finished run beside another of its seed; nothing while one of them is missing. */
async function compare(root: string, run: StudyRun, against: StudyRun): Promise<Comparison[]> {
  const [base, other] = [await curveOf(root, against, run.steps), await curveOf(root, run, run.steps)];
  if (base === undefined || other === undefined) return [];
  return [{ run, against, base, other, error: lossError(base.losses, other.losses) }];
}

async function curveOf(root: string, run: StudyRun, steps: number): Promise<Curve | undefined> {
  const { losses, heldOut }: RunMetrics = await readMetrics(folderOf(root, run));
  const last = heldOut.get(steps);
  return last === undefined || losses.length < steps ? undefined : { losses: losses.slice(0, steps), heldOut: last };
}

/** Whether a run has nothing left to do. */
export async function isFinished(root: string, run: StudyRun): Promise<boolean> {
  return (await readFinished(folderOf(root, run), run.steps)) !== undefined;
}

/** What `make` gives, from a file of the study's folder where it was made before. */
export async function kept<T>(root: string, name: string, make: () => T | Promise<T>): Promise<T> {
  const known = await readKept<T>(root, name);
  if (known !== undefined) return known;
  const value = await make();
  await writeFileWhole(join(root, `${name}.json`), Buffer.from(JSON.stringify(value)));
  return value;
}

async function readKept<T>(root: string, name: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(join(root, `${name}.json`), "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
