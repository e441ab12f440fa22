import { ConfigError } from "@ds3/errors";
import type { RunRecord, StageRecord } from "./run-record.ts";

/**
 * Refuses a record from which a report would say what is not so.
 * @throws ConfigError for a figure that is not finite, curves of unequal length, a stage that comes twice or out of order, a
 *   share that is not one, a stage measured on nothing, or a pretrain stage that ends elsewhere than `validation` says.
 */
export function checkRecord(run: RunRecord): void {
  const { steps, train, mtp, learningRate } = run.curves;
  checkLength("curves.train", train.length, steps.length);
  checkLength("curves.learningRate", learningRate.length, steps.length);
  if (mtp.length > 0) checkLength("curves.mtp", mtp.length, steps.length);
  for (const { layer, steps, loads } of run.expertLoads)
    checkLength(`expertLoads of ${layer}`, loads.length, steps.length);
  checkFinite("run", run);
  checkStages(run);
}

const pipeline: readonly StageRecord["name"][] = ["pretrain", "sft", "dpo", "grpo"];

function checkStages({ stages, validation }: RunRecord): void {
  const names = stages.map(({ name }) => name);
  const inOrder = pipeline.filter((name) => names.includes(name));
  check("stages", names.join() === inOrder.join(), `${inOrder.join(", ")}, each once`, names.join(", "));
  for (const stage of stages) checkStage(stage);
  const loss = stages.find(({ name }) => name === "pretrain")?.after ?? validation.lossNats;
  check("after of stage pretrain", loss === validation.lossNats, `validation.lossNats, ${validation.lossNats}`, loss);
}

function checkStage({ name, unit, before, after, n, curves }: StageRecord): void {
  check(`n of stage ${name}`, Number.isInteger(n) && n > 0, "a whole number above 0", n);
  for (const [key, value] of Object.entries({ before, after })) {
    const fits = unit !== "share" || (value >= 0 && value <= 1);
    check(`${key} of stage ${name}`, fits, "a share from 0 to 1", value);
  }
  for (const { label, steps, values } of curves)
    checkLength(`curve "${label}" of stage ${name}`, values.length, steps.length);
}

function checkLength(operand: string, actual: number, expected: number): void {
  check(operand, actual === expected, `${expected} values, one a step`, actual);
}

function checkFinite(path: string, value: unknown): void {
  if (typeof value === "number") check(path, Number.isFinite(value), "a finite number", value);
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) checkFinite(`${path}.${key}`, inner);
}

function check(operand: string, holds: boolean, expected: string, actual: string | number): void {
  if (!holds) throw new ConfigError({ op: "writeReport", operand, expected, actual: String(actual) });
}
