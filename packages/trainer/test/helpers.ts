import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { readNewestCheckpoint } from "../src/index.ts";

/** Every file of the newest checkpoint in two runs' folders must be the same, byte for byte. */
export async function expectSameCheckpoint(folder: string, other: string): Promise<void> {
  const [a, b] = await Promise.all([folder, other].map((run) => readNewestCheckpoint(join(run, "checkpoints"))));
  expect(a?.step).toBe(b?.step);
  expect(Object.keys(a!.files).sort()).toEqual(Object.keys(b!.files).sort());
  for (const [name, data] of Object.entries(a!.files)) {
    expect(Buffer.compare(data, b!.files[name]!), `${name} of step ${a!.step}`).toBe(0);
  }
}

/** A child process that runs a TypeScript file of this folder from source. */
export interface Child {
  /** Resolves when the output so far holds the text. */
  printed(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves to the exit code (null when a signal ended it) and everything printed. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Starts `file` of this folder with arguments. */
export function startChild(file: string, args: readonly string[]): Child {
  const script = join(import.meta.dirname, file);
  const child = spawn(process.execPath, ["--import", "tsx", "-C", "@ds3/source", script, ...args], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(text)) resolve();
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`The child ended without printing "${text}":\n${output}`)));
    });
  return { printed, kill: (signal) => void child.kill(signal), ended };
}
