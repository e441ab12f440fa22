import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "@ds3/errors";

/**
 * Refuses to write a model over the one that the run starts from: a run that is resumed would start from other weights.
 * @throws ConfigError naming `--out` when `model` and one of the folders `written` are the same, links followed.
 */
export function assertOtherFolder(model: string, ...written: readonly string[]): void {
  const same = written.find((folder) => realPath(folder) === realPath(model));
  if (same === undefined) return;
  const expected = "a folder whose model is not the one of --model, which it would replace";
  throw new ConfigError({ op: "start", operand: "--out", expected, actual: same, hint: "Give another --out." });
}

/** Of a path that may not be there yet. */
function realPath(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  return full === dirname(full) ? full : join(realPath(dirname(full)), basename(full));
}
