import { spawn } from "node:child_process";
import { join } from "node:path";

/** How a child process ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a TypeScript file of this folder in a process of its own; `onOutput` may kill it. */
export function runChild(
  script: string,
  args: readonly string[],
  onOutput: (output: string, kill: () => void) => void = () => {},
): Promise<ChildEnd> {
  const path = join(import.meta.dirname, script);
  const child = spawn(process.execPath, ["--import", "tsx", "-C", "@ds3/source", path, ...args], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (data) => {
    output += data;
    onOutput(output, () => child.kill("SIGKILL"));
  });
  child.stderr.on("data", (data) => {
    errors += data;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output, errors }));
  });
}
