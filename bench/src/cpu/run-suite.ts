import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { MeasurementError } from "./measurement-error.ts";
import type { CpuFigure, SuiteMessage } from "./suite-messages.ts";

/** How a suite's process is started. */
export interface SuiteProcess {
  readonly program: string;
  /** The file of its `SuiteInput`. */
  readonly input: string;
  /** Named in errors. */
  readonly suite: string;
}

/** The Rust code makes a thread for each core otherwise. */
const ONE_THREAD = { RAYON_NUM_THREADS: "1", TOKENIZERS_PARALLELISM: "false" };

/**
 * Runs a suite in a process of its own and hands its figures on as they come. The process ends with this call, and with
 * this process, whose end it hears on its standard input.
 * @throws MeasurementError what it reports, or when it ends otherwise than orderly.
 */
export async function* runSuite({ program, input, suite }: SuiteProcess): AsyncGenerator<CpuFigure> {
  const child = spawn(process.execPath, [program, input], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...ONE_THREAD },
  });
  const exit = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ?? String(code)));
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const message = JSON.parse(line) as SuiteMessage;
      if (message.type === "error") throw new MeasurementError(message.error);
      yield message.figure;
    }
    const ended = await exit;
    if (ended === "0") return;
    const details = { operand: suite, expected: "a process that ends orderly", actual: `its end with ${ended}` };
    throw new MeasurementError({ op: "bench", ...details });
  } finally {
    child.kill("SIGKILL");
    await exit;
  }
}
