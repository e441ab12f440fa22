import type { Document, SplitResult } from "@ds3/data";
import type { DeepseekModel, Precision } from "@ds3/deepseek";
import type { StepRecord, TrainOptions, TrainResult } from "@ds3/trainer";
import type { StageRecord } from "../run-record.ts";
import type { Terminal } from "../terminal.ts";
import type { SumSplit } from "./arithmetic.ts";
import type { ChatFormat } from "./chat-format.ts";
import type { PostPlan } from "./post-plan.ts";

/** What every stage knows of the run. */
export interface StageContext {
  readonly format: ChatFormat;
  readonly plan: PostPlan;
  /** The model's. */
  readonly precision: Precision;
  readonly sums: SumSplit;
  readonly documents: SplitResult<Document>;
  readonly seed: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** A figure on held-out data. */
export interface Measurement {
  readonly value: number;
  /** Items behind it. */
  readonly n: number;
}

/** What a stage passes on to the trainer: where its files go, and whether it goes on from them. */
export type StageFiles = Required<Pick<TrainOptions<unknown>, "folder" | "resume">>;

/** A stage of post-training: how it trains, and by what it is judged. */
export interface Stage {
  readonly name: Exclude<StageRecord["name"], "pretrain">;
  /** What is measured before and after, in words. */
  readonly measure: string;
  readonly unit: StageRecord["unit"];
  measureHeldOut(model: DeepseekModel): Promise<Measurement>;
  /** Trains the model in place until done or aborted. */
  train(model: DeepseekModel, files: StageFiles): Promise<Pick<TrainResult, "stopped">>;
  /** Where, in the stage's folder, its steps are recorded. */
  readonly metrics: string;
  /** Curves of the report, from the records of the stage's steps. */
  readonly curves: readonly { readonly label: string; readonly value: (record: StepRecord) => number }[];
}
