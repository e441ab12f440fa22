import { spawn } from "node:child_process";

/** A command that could not start, ran too long or ended with an error. `output` is the end of what it wrote. */
export class CommandError extends Error {
  readonly output: string;

  constructor(command: string, reason: string, output: string) {
    super(`${command}: ${reason}${output ? `: ${output.replaceAll(/\s*\n\s*/g, "; ")}` : ""}`);
    this.name = "CommandError";
    this.output = output;
  }
}

/** What a command wrote. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const LAST_CHARACTERS = 400;

/**
 * Runs a command without a shell and returns what it wrote.
 *
 * Messages are in English whatever the user's language, because some of them are read. @throws CommandError
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { cwd?: string; milliseconds?: number } = {},
): Promise<CommandOutput> {
  const { cwd = process.cwd(), milliseconds = 600_000 } = options;
  const environment = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  const child = spawn(command, args, {
    cwd,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: milliseconds,
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += String(data)));
  child.stderr.on("data", (data) => (output.stderr += String(data)));
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new CommandError(command, reason, output.stderr.trim().slice(-LAST_CHARACTERS)));
    child.on("error", (error) => fail(error.message));
    child.on("close", (code, signal) => (code === 0 ? resolve(output) : fail(signal ?? `exit code ${code}`)));
  });
}
