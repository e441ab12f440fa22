import { join } from "node:path";
import type { StudyPlan } from "./study-config.ts";

/** One training run: a folder with the trainer's checkpoints and metrics. */
export interface StudyRun {
  /** Its folder, and its name where it is reported. */
  readonly name: string;
  /** Of weights and batches. */
  readonly seed: number;
  /** Steps that are trained; the learning rates are those of the plan's whole course. */
  readonly steps: number;
  /** f32 or bf16 with f32 moments, or FP8 with bf16 moments as the report's recipe has it. */
  readonly precision: "f32" | "bf16" | "fp8";
  /** Name of the finished run whose weights it starts with, and after whose batches it goes on. Default: new weights. */
  readonly from?: string;
  /** Departures from FP8 as in the report. */
  readonly variant?: {
    readonly scaling: "tile" | "tensor";
    /** s of the planted outliers; 1: none. */
    readonly outliers: number;
  };
  /** Multiplies the deviation of the first weights. */
  readonly weightFactor?: number;
}

/** The runs of a seed in one protocol: they differ in nothing but precision. */
export type SeedRuns = readonly [f32: StudyRun, bf16: StudyRun, fp8: StudyRun];

/** From new weights. */
export function scratchRuns(seed: number, { steps }: StudyPlan): SeedRuns {
  const run = (precision: StudyRun["precision"]): StudyRun => ({
    name: `${precision}-${seed}`,
    seed,
    steps,
    precision,
  });
  return [run("f32"), run("bf16"), run("fp8")];
}

/**
 * f32 again, from first weights that differ in their last bits: how far two runs drift apart whose routers choose, whatever
 * rounds them.
 */
export function repeatRun(seed: number, { steps }: StudyPlan): StudyRun {
  return { name: `control-${seed}`, seed, steps, precision: "f32", weightFactor: 1 + 2 ** -20 };
}

/**
 * From the last weights of the seed's f32 run, on the batches after its last. Trained weights part less by chance than new
 * ones.
 */
export function continuedRuns(seed: number, plan: StudyPlan): SeedRuns {
  const [{ name: from, steps }] = scratchRuns(seed, plan);
  const run = (precision: StudyRun["precision"]): StudyRun => {
    return { name: `continued-${precision}-${seed}`, seed, steps, precision, from };
  };
  return [run("f32"), run("bf16"), run("fp8")];
}

/** What else leaves the course of one seed's f32 run: f32 from weights larger by a hundredth. Short. */
export function percentRun({ diagnosisSeed: seed, diagnosisSteps: steps }: StudyPlan): StudyRun {
  return { name: `f32-percent-${seed}`, seed, steps, precision: "f32", weightFactor: 1.01 };
}

/** An FP8 run with other scales, with outliers, with both: shorter, compared with the first steps of the same f32 run. */
export function ablationRuns(fp8: StudyRun, { ablationSteps: steps, plantedFactor }: StudyPlan): readonly StudyRun[] {
  const run = (what: string, scaling: "tile" | "tensor", outliers: number): StudyRun => {
    const name = `${fp8.from === undefined ? "" : "continued-"}fp8-${what}-${fp8.seed}`;
    return { ...fp8, name, steps, variant: { scaling, outliers } };
  };
  return [
    run("tensor", "tensor", 1),
    run("tile-outliers", "tile", plantedFactor),
    run("tensor-outliers", "tensor", plantedFactor),
  ];
}

/** Where a run is kept. */
export function folderOf(root: string, { name }: Pick<StudyRun, "name">): string {
  return join(root, name);
}
