import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { listCheckpoints } from "./checkpoint-folder.ts";

/** Name of the metrics file in a run's folder. */
export const METRICS = "metrics.jsonl";
/** Name of the folder of checkpoints in a run's folder. */
export const CHECKPOINTS = "checkpoints";

/**
 * Clears a run's folder for a new run: an earlier run's checkpoints and metrics are moved to `<folder>/previous`, in place
 * of what lies there. A run without a checkpoint left nothing to go on from: its metrics are removed.
 *
 * @returns where an earlier run is now, or undefined when there was none.
 */
export async function moveEarlierRun(folder: string): Promise<string | undefined> {
  if ((await listCheckpoints(join(folder, CHECKPOINTS))).length === 0) {
    await rm(join(folder, METRICS), { force: true });
    return undefined;
  }
  const previous = join(folder, "previous");
  await rm(previous, { recursive: true, force: true });
  await mkdir(previous);
  for (const name of [METRICS, CHECKPOINTS]) {
    if (existsSync(join(folder, name))) await rename(join(folder, name), join(previous, name));
  }
  return previous;
}
