import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeepseekModel } from "@ds3/deepseek";
import { type StepRecord, writeFileWhole } from "@ds3/trainer";
import type { StageConversation, StageRecord } from "../run-record.ts";
import { stageLine } from "../terminal.ts";
import { ask } from "./ask.ts";
import type { Stage, StageContext } from "./stage.ts";

/** What a stage leaves in its folder: where it began, the time it took so far, and its record once it is done. */
interface StageState {
  /** Fingerprint of the weights that it began with. */
  readonly weights: string;
  readonly seconds: number;
  readonly record?: StageRecord;
}

const STATE = "stage.json";

/**
 * Runs one stage in a folder of its own: measures, trains, measures again. Undefined when the signal ended it early.
 *
 * With `resume` a stage that began with the same weights goes on from its newest checkpoint, and a finished one only gives
 * its weights and its record; one that began with others starts anew.
 */
export async function runStage(
  stage: Stage,
  model: DeepseekModel,
  context: StageContext,
  where: { readonly folder: string; readonly resume: boolean },
): Promise<StageRecord | undefined> {
  const { folder } = where;
  const weights = await fingerprint(model);
  const earlier = where.resume ? await readState(folder) : undefined;
  const resume = earlier?.weights === weights;
  const files = { folder, resume };
  if (resume && earlier.record) {
    await stage.train(model, files);
    return earlier.record;
  }
  const begun = performance.now();
  const seconds = (): number => (resume ? earlier.seconds : 0) + (performance.now() - begun) / 1000;
  await writeState(folder, { weights, seconds: seconds() });

  const [before, beforeReplies] = [await stage.measureHeldOut(model), await askAll(model, context)];
  report(stage, "before", before.value, context);
  const { stopped } = await stage.train(model, files);
  if (stopped) {
    await writeState(folder, { weights, seconds: seconds() });
    return undefined;
  }
  const [after, afterReplies] = [await stage.measureHeldOut(model), await askAll(model, context)];
  report(stage, "after", after.value, context);
  const record: StageRecord = {
    name: stage.name,
    measure: stage.measure,
    unit: stage.unit,
    before: before.value,
    after: after.value,
    n: after.n,
    seconds: seconds(),
    curves: await curvesOf(stage, folder),
    conversations: context.plan.prompts.map(
      (prompt, i): StageConversation => ({ prompt, before: beforeReplies[i]!, after: afterReplies[i]! }),
    ),
  };
  await writeState(folder, { weights, seconds: record.seconds, record });
  return record;
}

function report(stage: Stage, when: string, value: number, { terminal }: StageContext): void {
  terminal.print(stageLine(stage.name, `${when}: ${value.toFixed(3)} ${stage.measure}`));
}

/** The most likely reply to each of the plan's prompts. */
async function askAll(model: DeepseekModel, { format, plan }: StageContext): Promise<string[]> {
  const replies = await ask(model, format, plan.prompts, { maxNewTokens: plan.replyTokens });
  return replies.map(({ text }) => text);
}

async function curvesOf(stage: Stage, folder: string): Promise<StageRecord["curves"]> {
  const lines = (await readFile(join(folder, stage.metrics), "utf8")).split("\n").filter(Boolean);
  const records = lines.map((line) => JSON.parse(line) as StepRecord).filter((record) => "loss" in record);
  const steps = records.map(({ step }) => step);
  return stage.curves.map(({ label, value }) => ({ label, steps, values: records.map(value) }));
}

async function fingerprint({ arena }: DeepseekModel): Promise<string> {
  const hash = createHash("sha256");
  for (const { values } of arena.segments) hash.update(await values.data());
  return hash.digest("hex").slice(0, 16);
}

/** A missing or torn file: nothing to go on from. */
async function readState(folder: string): Promise<StageState | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, STATE), "utf8")) as StageState;
  } catch {
    return undefined;
  }
}

async function writeState(folder: string, state: StageState): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileWhole(join(folder, STATE), Buffer.from(`${JSON.stringify(state)}\n`));
}
