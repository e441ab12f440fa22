import { spawn } from "node:child_process";
import { join } from "node:path";

/** How a run of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run is given beside its words. */
export interface Given {
  readonly cwd: string;
  readonly stdin?: string | Uint8Array;
  /** Called with all of standard error so far; may end the process. */
  readonly onStderr?: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the real entry in a process of its own. */
export function runDs3(args: readonly string[], { cwd, stdin = "", onStderr }: Given): Promise<Ended> {
  const main = join(import.meta.dirname, "..", "src", "main.ts");
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), "-C", "@ds3/source", main, ...args], {
    cwd,
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
    onStderr?.(stderr, (signal) => child.kill(signal));
  });
  child.stdin.on("error", () => {}); // it may end before it has read
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
