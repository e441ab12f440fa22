import { Ds3Error } from "@ds3/errors";
import { abortOnSignals } from "@ds3/trainer";
import { parseOptions, type QuickstartOptions } from "./options.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/** A program: its options, where it prints, and the signal that asks it to save and return. */
export type Program = (options: QuickstartOptions, terminal: Terminal, signal: AbortSignal) => Promise<void>;

/**
 * Runs a program as a command, and gives its exit code: 0 when it ends or is stopped by Ctrl-C, 1 for an error.
 *
 * An error that names itself is one message; anything else, and everything with `--verbose`, comes with its stack.
 */
export async function runCommand(program: Program, argv: readonly string[]): Promise<number> {
  const terminal = createTerminal();
  const onAbort = (): void => terminal.print("Stopping after this step; Ctrl-C again ends at once.");
  using abort = abortOnSignals({ onAbort });
  try {
    await program(parseOptions(argv), terminal, abort.signal);
    return 0;
  } catch (error) {
    createTerminal(process.stderr).print(errorText(error, argv.includes("--verbose")));
    return 1;
  }
}

/** One message for errors that say what to do, with the stack on demand; the stack of all others. */
export function errorText(error: unknown, isVerbose: boolean): string {
  if (!(error instanceof Error)) return `Error: ${error}`;
  if (isVerbose || !Ds3Error.is(error)) return error.stack ?? error.message;
  return `${error.name}: ${error.message}`;
}
