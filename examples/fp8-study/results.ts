import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "@ds3/trainer";
import { type LossError, lossError } from "./loss-error.ts";
import type { PlantedLosses } from "./measure-outliers.ts";
import type { RoundingLosses } from "./measure-rounding.ts";
import type { PromotionError } from "./promotion.ts";
import { type RunMetrics, readFinished, readMetrics } from "./read-metrics.ts";
import { ablationRuns, continuedRuns, controlRun, diagnosisRuns, folderOf, pairOf, type StudyRun } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import { windowErrors } from "./window-errors.ts";

/** A run against another of its seed, over as many steps as it has. */
export interface Comparison {
  readonly run: StudyRun;
  /** Whose curve is `base`: the f32 run, unless said otherwise. */
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

/** Runs from trained weights, a comparison a seed. */
export interface Continued {
  /** FP8 against f32. */
  readonly pairs: readonly Comparison[];
  /** FP8 against bf16, the report's own baseline. */
  readonly baselines: readonly Comparison[];
  /** bf16 against f32. */
  readonly controls: readonly Comparison[];
  /** As that from scratch. */
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
  /** From scratch: FP8 against f32. */
  readonly pairs: readonly Comparison[];
  /** From scratch: f32 from other last bits against f32. */
  readonly controls: readonly Comparison[];
  readonly continued: Continued;
  /** The first steps of every run of one seed; none before those of the diagnosis are finished. */
  readonly diagnosis: readonly Departure[];
  /** Trained weights of every seed, not trained any further. */
  readonly rounding: readonly RoundingLosses[] | undefined;
  /** From scratch: FP8 with other scales and outliers against f32, FP8 as it is first; none before one of them is finished. */
  readonly ablation: readonly Comparison[];
  readonly planted: PlantedLosses | undefined;
  readonly promotion: readonly PromotionError[] | undefined;
}

/** Reads what the folder of the study holds. */
export async function readResults(root: string, plan: StudyPlan): Promise<StudyResults> {
  const [first] = plan.seeds as [number, ...number[]];
  const pairs: Comparison[] = [];
  const controls: Comparison[] = [];
  for (const each of plan.seeds) {
    pairs.push(...(await compare(root, pairOf(each, plan)[1], plan)));
    controls.push(...(await compare(root, controlRun(each, plan), plan)));
  }
  return {
    plan,
    pairs,
    controls,
    continued: await readContinued(root, plan),
    diagnosis: await readDiagnosis(root, plan),
    rounding: await readKept<RoundingLosses[]>(root, "rounding"),
    ablation: await readAblation(root, plan, pairOf(first, plan)),
    planted: await readKept<PlantedLosses>(root, "planted"),
    promotion: await readKept<PromotionError[]>(root, "promotion"),
  };
}

async function readContinued(root: string, plan: StudyPlan): Promise<Continued> {
  const pairs: Comparison[] = [];
  const baselines: Comparison[] = [];
  const controls: Comparison[] = [];
  for (const seed of plan.seeds) {
    const [f32, bf16, fp8] = continuedRuns(seed, plan);
    pairs.push(...(await compare(root, fp8, plan, f32)));
    baselines.push(...(await compare(root, fp8, plan, bf16)));
    controls.push(...(await compare(root, bf16, plan, f32)));
  }
  const [f32, , fp8] = continuedRuns(plan.seeds[0]!, plan);
  return { pairs, baselines, controls, ablation: await readAblation(root, plan, [f32, fp8]) };
}

async function readAblation(
  root: string,
  plan: StudyPlan,
  [f32, fp8]: readonly [StudyRun, StudyRun],
): Promise<Comparison[]> {
  const ablation: Comparison[] = [];
  for (const run of ablationRuns(fp8, plan)) ablation.push(...(await compare(root, run, plan, f32)));
  if (ablation.length === 0) return [];
  return [...(await compare(root, { ...fp8, steps: plan.ablationSteps }, plan, f32)), ...ablation];
}

async function readDiagnosis(root: string, plan: StudyPlan): Promise<Departure[]> {
  const { diagnosisSeed: seed, diagnosisSteps: steps } = plan;
  const own = diagnosisRuns(plan);
  const [f32, fp8] = pairOf(seed, plan);
  const lossesOf = async (run: StudyRun): Promise<readonly number[]> => {
    return (await readMetrics(folderOf(root, run))).losses.slice(0, steps);
  };
  const base = await lossesOf(f32);
  const departures: Departure[] = [];
  for (const run of [controlRun(seed, plan), ...own, fp8]) {
    const losses = await lossesOf(run);
    const isThere = losses.length === steps && base.length === steps;
    if (isThere) departures.push({ run, windows: windowErrors(base, losses) });
    else if (own.includes(run)) return [];
  }
  return departures;
}

/** A finished run beside another of its seed; nothing while one of them is missing. */
async function compare(
  root: string,
  run: StudyRun,
  plan: StudyPlan,
  against: StudyRun = pairOf(run.seed, plan)[0],
): Promise<Comparison[]> {
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
