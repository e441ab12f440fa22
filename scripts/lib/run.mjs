import { spawn } from "node:child_process";

/**
 * Runs a command and gives its standard output. When it fails, the error holds the label and everything it printed.
 * Options: cwd, env (added to the process's own), label, timeout in milliseconds.
 */
export function run(command, args, { cwd, env, timeout, label = command } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(timeout === undefined ? {} : { timeout }),
    });
    const printed = [];
    const output = [];
    child.stdout.on("data", (chunk) => {
      output.push(chunk);
      printed.push(chunk);
    });
    child.stderr.on("data", (chunk) => printed.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(new Error(`${label} failed (${signal ?? `exit ${code}`}):\n${Buffer.concat(printed)}`));
    });
  });
}

/** Runs `work` on every item, at most `count` at a time; the first failure ends it. */
export async function inParallel(count, items, work) {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
