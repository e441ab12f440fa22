import { join } from "node:path";
import type { DeepseekModel } from "@ds3/deepseek";
import type { StageRecord } from "../run-record.ts";
import { dpoStage } from "./dpo-stage.ts";
import { grpoStage } from "./grpo-stage.ts";
import { runStage } from "./run-stage.ts";
import { sftStage } from "./sft-stage.ts";
import type { StageContext } from "./stage.ts";

/** How post-training ended: the records of the finished stages, and the stage that the signal stopped. */
export interface PostTrainResult {
  readonly stages: readonly StageRecord[];
  readonly stoppedIn?: StageRecord["name"];
}

/**
 * Makes a pre-trained model answer: supervised fine-tuning, then preferences, then reinforcement learning, each from the
 * weights that the one before left, in a folder of its name in `out`.
 */
export async function postTrain(
  model: DeepseekModel,
  context: StageContext,
  { out, resume }: { readonly out: string; readonly resume: boolean },
): Promise<PostTrainResult> {
  // As DeepSeek-V3 did at the end of its pre-training: who is routed where stays as it was learned.
  model.biasUpdateSpeed = 0;
  const stages: StageRecord[] = [];
  for (const stage of [sftStage(context), dpoStage(context), grpoStage(context)]) {
    if (context.signal.aborted) return { stages, stoppedIn: stage.name };
    const record = await runStage(stage, model, context, { folder: join(out, stage.name), resume });
    if (!record) return { stages, stoppedIn: stage.name };
    stages.push(record);
  }
  return { stages };
}
