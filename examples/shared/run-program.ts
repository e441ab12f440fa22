import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { Ds3Error } from "@ds3/errors";
import { abortOnSignals } from "@ds3/trainer";

/** Where a training program writes, and what ends it early. */
export interface Session {
  /** A line that stays. */
  print(line: string): void;
  /** The present state of long work: overwritten by the next line where the output is a terminal. */
  status(line: string): void;
  /** Aborted by Ctrl-C: save and return. */
  readonly signal: AbortSignal;
}

/** A program that trains: its command line, and where it writes. */
export type Training = (argv: readonly string[], session: Session) => Promise<void>;

/**
 * Runs a program when its file (`import.meta`) is the one that was started; does nothing when it is imported.
 *
 * `pnpm -C examples/sft start` changes the folder first: paths on the command line are the user's, so it is changed back.
 * An error of ds3 is printed as one message, any other with its stack, and the exit code is 1.
 */
export async function runProgram(
  { url, filename }: ImportMeta,
  program: (argv: readonly string[]) => Promise<void>,
): Promise<void> {
  const [, started = "", ...argv] = process.argv;
  if (url !== pathToFileURL(started).href) return;
  const { INIT_CWD } = process.env;
  if (INIT_CWD !== undefined && process.cwd() === dirname(filename)) process.chdir(INIT_CWD);
  try {
    await program(argv);
  } catch (error) {
    console.error(Ds3Error.is(error) ? `${(error as Error).name}: ${(error as Error).message}` : error);
    process.exitCode = 1;
  }
}

/** Runs a program that trains, as `runProgram`; the first Ctrl-C asks it to save and return, the second ends it at once. */
export async function runTraining(meta: ImportMeta, program: Training): Promise<void> {
  await runProgram(meta, async (argv) => {
    const { print, status } = terminal();
    using abort = abortOnSignals({ onAbort: () => print("Stopping after this step; Ctrl-C again ends at once.") });
    await program(argv, { print, status, signal: abort.signal });
  });
}

function terminal(): Pick<Session, "print" | "status"> {
  const { stdout } = process;
  const clear = stdout.isTTY ? "\r\u001b[2K" : "";
  return {
    print: (line) => void stdout.write(`${clear}${line}\n`),
    // A line that wraps could not be taken back.
    status: (line) => void stdout.write(stdout.isTTY ? `${clear}${line.slice(0, stdout.columns - 1)}` : `${line}\n`),
  };
}
