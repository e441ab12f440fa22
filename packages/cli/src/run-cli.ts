import { readFileSync } from "node:fs";
import { Ds3Error } from "@ds3/errors";
import { type Command, CommanderError } from "commander";
import { createProgram } from "./program.ts";
import { type Streams, Terminal } from "./terminal.ts";

/** Exit codes: all went well; a failure that is told; a command line that is wrong. */
const [OK, FAILED, USAGE] = [0, 1, 2];

/**
 * Run the command `ds3`.
 *
 * Results go to `stdout`, all else to `stderr`. A failure is one message that names what is wrong, and with `--json` a
 * document `{error: {name, message, ..}}` too; it never throws.
 * @param argv the words after `ds3`.
 * @returns the exit code: 0; 1 for a failure; 2 for a wrong command line; 130 when Ctrl-C stopped it.
 */
export async function runCli(argv: readonly string[], streams: Streams = process): Promise<number> {
  let exitCode = OK;
  const program = createProgram(async (json, work) => {
    const terminal = new Terminal(streams, json);
    try {
      exitCode = await work(terminal);
    } catch (error) {
      exitCode = FAILED;
      tell(error, terminal);
    }
  }, version());
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? OK : USAGE;
  }
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

function tell(error: unknown, terminal: Terminal): void {
  const { name, message } = error as Error;
  terminal.note(`${name}: ${message}`);
  const { op, operand, expected, actual, hint = null } = error as Ds3Error;
  const details = Ds3Error.is(error) ? { op, operand, expected, actual, hint } : {};
  terminal.document({ error: { name, message, ...details } });
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}
