import type { Precision } from "@ds3/deepseek";

/** Everything that a finished run leaves for its report; `report.json` is this, with `marginNats` added. */
export interface RunRecord {
  readonly preset: string;
  /** What the products of the linear layers read. */
  readonly precision: Precision;
  /** The command line that repeats the run. */
  readonly command: string;
  readonly seed: number;
  /** The GPU's name as the adapter states it. */
  readonly adapter: string;
  /** ISO 8601, with the time zone. Of a resumed run: as if its sessions had followed each other without a pause. */
  readonly startedAt: string;
  /** Pre-training only: without set-up, tokenizer, sampling and the later stages. */
  readonly trainingSeconds: number;
  /** From the first line printed to the report. */
  readonly wallSeconds: number;
  /** What was run, in order, each stage once; the figure of `pretrain` after its stage is `validation.lossNats`. */
  readonly stages: readonly StageRecord[];
  readonly model: ModelFigures;
  readonly tokens: TokenFigures;
  readonly curves: Curves;
  /** One entry a mixture-of-experts layer. */
  readonly expertLoads: readonly ExpertLoad[];
  readonly validation: { readonly lossNats: number; readonly bitsPerByte: number };
  /** The same validation tokens under a model that only counts. */
  readonly baseline: BaselineFigures;
  readonly samples: readonly Sample[];
  readonly sources: readonly SourceFigures[];
}

/** What one stage of the pipeline did to the figure it is about, measured on held-out data. */
export interface StageRecord {
  readonly name: "pretrain" | "sft" | "dpo" | "grpo";
  /** What `before` and `after` count, in words, e.g. `validation loss, nats per token` or `answers right, greedy`. */
  readonly measure: string;
  /** How the figure is written: `nats` and `reward` with three decimals, `share` (0 to 1) as percent. */
  readonly unit: "nats" | "share" | "reward";
  /** Of the model that the stage began with. */
  readonly before: number;
  /** Of the model that the stage ended with. */
  readonly after: number;
  /** Held-out items behind the figure: tokens (pretrain), problems (sft), pairs (dpo), sampled answers (grpo). */
  readonly n: number;
  /** What the stage took, its measurements included. */
  readonly seconds: number;
  /** Curves over the stage's optimiser steps; empty for pretrain, which has charts of its own. */
  readonly curves: readonly StageCurve[];
  /** The same prompts before and after the stage; no entries for a stage that has none to show. */
  readonly conversations: readonly StageConversation[];
}

/** One quantity over the optimiser steps of a stage; without values it is not drawn. */
export interface StageCurve {
  /** Title of the chart, in words. */
  readonly label: string;
  readonly steps: readonly number[];
  /** One value a step. */
  readonly values: readonly number[];
}

/** One prompt and the reply to it before and after a stage, without special tokens. */
export interface StageConversation {
  readonly prompt: string;
  readonly before: string;
  readonly after: string;
}

/** Size and shape of the model; names as in config.json. */
export interface ModelFigures {
  readonly parameters: number;
  /** Parameters that one token passes through. */
  readonly activeParameters: number;
  readonly numHiddenLayers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly nRoutedExperts: number;
  readonly numExpertsPerTok: number;
}

/** The baseline's loss on the validation tokens. */
export interface BaselineFigures {
  readonly name: string;
  readonly lossNats: number;
  /** Tokens predicted in what it was counted on: `tokens.trained`, but for what epochs repeat and the last window pads. */
  readonly countedTokens: number;
}

/** How many tokens the run had, and saw. */
export interface TokenFigures {
  /** Tokens that pre-training consumed: steps x batch x sequence. */
  readonly trained: number;
  readonly validated: number;
  /** Mean over `trainingSeconds`. */
  readonly perSecond: number;
}

/** Loss and learning rate over the optimiser steps. All losses in nats per token. */
export interface Curves {
  /** Optimiser steps, 1 first. `train`, `mtp` and `learningRate` have one value a step. */
  readonly steps: readonly number[];
  readonly train: readonly number[];
  /** Loss of the multi-token prediction modules, unweighted; empty without them. */
  readonly mtp: readonly number[];
  readonly learningRate: readonly number[];
  readonly validation: readonly { readonly step: number; readonly lossNats: number }[];
}

/** Tokens that each routed expert of one layer received, over the run. */
export interface ExpertLoad {
  /** E.g. `layer 2`. */
  readonly layer: string;
  readonly steps: readonly number[];
  /** loads[i][e]: tokens of expert e at steps[i]; any unit, since the report divides by the mean. */
  readonly loads: readonly (readonly number[])[];
}

/** Text that the trained model wrote. */
export interface Sample {
  readonly prompt: string;
  readonly text: string;
}

/** One origin of training text. */
export interface SourceFigures {
  readonly name: string;
  readonly origin: string;
  readonly licence: string;
  readonly documents: number;
  /** UTF-8 bytes. */
  readonly bytes: number;
}
