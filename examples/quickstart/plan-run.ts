import { type DeepseekV3Schedule, deepseekV3Schedule, scaleSchedule } from "@ds3/trainer";
import type { Preset, QuickstartOptions } from "./options.ts";

/** Every size of a run, fixed before it starts: nothing depends on how fast the machine is, so that runs repeat. */
export interface RunPlan {
  /** Most tokens that the tokenizer may have. */
  readonly vocabSize: number;
  /** Tokens of a training window. */
  readonly sequenceLength: number;
  /** Windows of a batch; a batch is an optimiser step. */
  readonly batchSize: number;
  readonly steps: number;
  readonly schedule: DeepseekV3Schedule;
  /** Share of the documents that are never trained on. */
  readonly validationFraction: number;
  /** Windows of the validation set that the loss is measured on, or all where there are fewer. */
  readonly validationWindows: number;
  /** Steps between two validations; the first sample is written at the first of them. */
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  /** Tokens that each sample adds to its prompt. */
  readonly sampleTokens: number;
  /** Train on every how manyth document: 1 is all. */
  readonly documentStride: number;
}

interface PresetPlan {
  readonly vocabSize: number;
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly peakLearningRate: number;
}

/** Reasons for these figures: docs/decisions/quickstart.md. */
const presetPlans: Readonly<Record<Preset, PresetPlan>> = {
  tiny: { vocabSize: 1024, sequenceLength: 256, batchSize: 4, steps: 850, peakLearningRate: 6e-3 },
  "mini-v3": { vocabSize: 6400, sequenceLength: 256, batchSize: 4, steps: 1000, peakLearningRate: 1e-3 },
};

const WARMUP_SHARE = 0.05;
const FAST_STEPS = 12;

/** The plan of a preset, with what the command line changes. */
export function planRun({ preset, fast, steps: wantedSteps }: QuickstartOptions): RunPlan {
  const { peakLearningRate, ...sizes } = presetPlans[preset];
  const steps = wantedSteps ?? (fast ? FAST_STEPS : sizes.steps);
  return {
    ...sizes,
    steps,
    schedule: fivePhases(peakLearningRate, steps, steps * sizes.batchSize * sizes.sequenceLength),
    validationFraction: 0.05,
    validationWindows: fast ? 4 : 128,
    validateEvery: Math.ceil(steps / 10),
    checkpointEvery: Math.ceil(steps / 4),
    sampleTokens: fast ? 16 : 96,
    documentStride: fast ? 8 : 1,
  };
}

/**
 * DeepSeek-V3's five phases at another peak: every token boundary keeps its share of the run, every rate its share of the
 * peak.
 *
 * Differs from the paper: the warm-up takes a twentieth of the steps. Its share in the report, 2000 of 242,783, would be
 * seven steps of 850, fewer than the 20 over which AdamW's second moment (beta 0.95) averages.
 */
function fivePhases(peak: number, totalSteps: number, totalTokens: number): DeepseekV3Schedule {
  const factor = peak / deepseekV3Schedule.peak;
  const { floor, last } = deepseekV3Schedule;
  return {
    ...scaleSchedule(deepseekV3Schedule, { totalSteps, totalTokens }),
    peak,
    floor: floor * factor,
    last: last * factor,
    warmupSteps: Math.max(1, Math.round(totalSteps * WARMUP_SHARE)),
  };
}
