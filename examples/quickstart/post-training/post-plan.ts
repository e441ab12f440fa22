import type { Preset, QuickstartOptions } from "../options.ts";

/** Sizes of the stages after pre-training, fixed before a run starts. Reasons: docs/decisions/quickstart.md. */
export interface PostPlan {
  readonly sft: {
    readonly steps: number;
    /** Rows of a batch, and tokens of a row. */
    readonly batch: number;
    readonly length: number;
    /** Exchanges about the documents; beside them every sum to train on is asked in every form. */
    readonly textExchanges: number;
    readonly peak: number;
    readonly floor: number;
  };
  readonly dpo: {
    readonly steps: number;
    /** Pairs of a batch. */
    readonly batch: number;
    readonly beta: number;
    readonly nllWeight: number;
    readonly learningRate: number;
  };
  readonly grpo: {
    readonly steps: number;
    readonly promptsPerStep: number;
    readonly groupSize: number;
    readonly learningRate: number;
  };
  /** Sums that the figures before and after are measured on, and replies to each where they are drawn. */
  readonly heldOutSums: number;
  readonly samplesPerSum: number;
  /** Most tokens of a reply. */
  readonly replyTokens: number;
  /** Held-out questions whose replies are shown before and after each stage. */
  readonly prompts: readonly string[];
}

type Sizes = Omit<PostPlan, "prompts">;

const tiny: Sizes = {
  sft: { steps: 800, batch: 4, length: 256, textExchanges: 500, peak: 3e-3, floor: 3e-4 },
  dpo: { steps: 100, batch: 32, beta: 0.1, nllWeight: 1, learningRate: 5e-4 },
  grpo: { steps: 70, promptsPerStep: 32, groupSize: 8, learningRate: 3e-4 },
  heldOutSums: 150,
  samplesPerSum: 4,
  replyTokens: 32,
};

const plans: Readonly<Record<Preset, Sizes>> = {
  tiny,
  "mini-v3": {
    ...tiny,
    sft: { ...tiny.sft, peak: 5e-4, floor: 5e-5 },
    dpo: { ...tiny.dpo, learningRate: 8e-5 },
    grpo: { ...tiny.grpo, learningRate: 5e-5 },
  },
};

/** A few steps of each stage, to see them work. */
function fastSizes(sizes: Sizes): Sizes {
  return {
    ...sizes,
    sft: { ...sizes.sft, steps: 6, batch: 2, length: 128, textExchanges: 100 },
    dpo: { ...sizes.dpo, steps: 2, batch: 4 },
    grpo: { ...sizes.grpo, steps: 2, promptsPerStep: 2, groupSize: 4 },
    heldOutSums: 12,
    samplesPerSum: 2,
    replyTokens: 20,
  };
}

/** The plan of a preset with the prompts that show what a stage changed. */
export function planPostTraining(
  { preset, fast }: Pick<QuickstartOptions, "preset" | "fast">,
  prompts: readonly string[],
): PostPlan {
  const sizes = plans[preset];
  return { ...(fast ? fastSizes(sizes) : sizes), prompts };
}
