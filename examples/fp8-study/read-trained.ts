import { createHash } from "node:crypto";
import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { readNewestCheckpoint, type StoredCheckpoint } from "@ds3/trainer";
import { readFinished } from "./read-metrics.ts";
import { folderOf, type StudyRun } from "./runs.ts";

/**
 * The last checkpoint of a run that has done all its steps.
 * @throws StateError when it has not.
 */
export async function readTrained(root: string, run: Pick<StudyRun, "name" | "steps">): Promise<StoredCheckpoint> {
  const { steps } = run;
  const folder = folderOf(root, run);
  const newest = await readNewestCheckpoint(join(folder, "checkpoints"));
  if (newest?.step === steps && (await readFinished(folder, steps)) !== undefined) return newest;
  const actual =
    newest === undefined ? "no checkpoint" : `a checkpoint after step ${newest.step} of a run that goes on`;
  const expected = `a run that has finished its ${steps} steps`;
  throw new StateError({
    op: "fp8-study",
    operand: folder,
    expected,
    actual,
    hint: "Run the pairs first: --part pairs.",
  });
}

/** Tells other weights apart. */
export function digestOf({ files }: StoredCheckpoint): string {
  return createHash("sha256").update(files["model.safetensors"]!).digest("hex").slice(0, 16);
}
