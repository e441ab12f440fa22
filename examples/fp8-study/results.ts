import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "@ds3/trainer";
import { type LossError, lossError } from "./loss-error.ts";
import type { PlantedLosses } from "./measure-outliers.ts";
import type { PromotionError } from "./promotion.ts";
import { type RunMetrics, readFinished, readMetrics } from "./read-metrics.ts";
import { ablationRuns, controlRun, folderOf, pairOf, type StudyRun } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";

/** A run against the f32 run of its seed, over as many steps as it has. */
export interface Comparison {
  readonly run: StudyRun;
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

/** All that is finished so far. */
export interface StudyResults {
  readonly plan: StudyPlan;
  readonly pairs: readonly Comparison[];
  readonly controls: readonly Comparison[];
  readonly ablation: readonly Comparison[];
  /** The FP8 run of the ablation's seed over the ablation's steps: tiles, no outliers. */
  readonly ablationBase: Comparison | undefined;
  readonly planted: PlantedLosses | undefined;
  readonly promotion: readonly PromotionError[] | undefined;
}

/** Reads what the folder of the study holds. */
export async function readResults(root: string, plan: StudyPlan): Promise<StudyResults> {
  const [seed] = plan.seeds as [number, ...number[]];
  const pairs: Comparison[] = [];
  const controls: Comparison[] = [];
  for (const each of plan.seeds) {
    pairs.push(...(await compare(root, pairOf(each, plan)[1], plan)));
    controls.push(...(await compare(root, controlRun(each, plan), plan)));
  }
  const ablation: Comparison[] = [];
  for (const run of ablationRuns(seed, plan)) ablation.push(...(await compare(root, run, plan)));
  const short = { ...pairOf(seed, plan)[1], steps: plan.ablationSteps };
  return {
    plan,
    pairs,
    controls,
    ablation,
    ablationBase: (await compare(root, short, plan))[0],
    planted: await readKept<PlantedLosses>(root, "planted"),
    promotion: await readKept<PromotionError[]>(root, "promotion"),
  };
}

/** A finished run beside the f32 run of its seed; nothing while one of them is missing. */
async function compare(root: string, run: StudyRun, plan: StudyPlan): Promise<Comparison[]> {
  const [f32] = pairOf(run.seed, plan);
  const [base, other] = [await curveOf(root, f32, run.steps), await curveOf(root, run, run.steps)];
  if (base === undefined || other === undefined) return [];
  return [{ run, base, other, error: lossError(base.losses, other.losses) }];
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
