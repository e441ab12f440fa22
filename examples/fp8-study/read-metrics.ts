import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StepRecord, ValidationRecord } from "@ds3/trainer";

/** What a run's folder says of it. */
export interface RunMetrics {
  /** Cross-entropy of each step's batch in nats a token, from step 1. */
  readonly losses: readonly number[];
  /** Nats a held-out token, by step. */
  readonly heldOut: ReadonlyMap<number, number>;
}

/** A run's figures so far, without a gap; none when it has not begun. A line that a killed run left half written is no record. */
export async function readMetrics(folder: string): Promise<RunMetrics> {
  const text = await readFile(join(folder, "metrics.jsonl"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const losses: number[] = [];
  const heldOut = new Map<number, number>();
  for (const line of text.split("\n")) {
    const record = parse(line);
    if (record === undefined) continue;
    if ("validationLoss" in record) heldOut.set(record.step, record.validationLoss);
    else losses[record.step - 1] = record.terms.main!;
  }
  return { losses, heldOut };
}

/** The figures of a run that has done all its steps and was then measured on the held-out text; otherwise undefined. */
export async function readFinished(folder: string, steps: number): Promise<RunMetrics | undefined> {
  const metrics = await readMetrics(folder);
  return metrics.losses.length === steps && metrics.heldOut.has(steps) ? metrics : undefined;
}

function parse(line: string): StepRecord | ValidationRecord | undefined {
  try {
    return JSON.parse(line) as StepRecord | ValidationRecord;
  } catch {
    return undefined;
  }
}
