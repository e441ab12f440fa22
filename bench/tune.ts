import { Ds3Error } from "@ds3/errors";
import { abortOnSignals } from "@ds3/trainer";
import { parseTuneOptions } from "./src/tune/options.ts";
import { tune } from "./src/tune/tune.ts";

try {
  const command = parseTuneOptions(process.argv.slice(2));
  using abort = abortOnSignals({ onAbort: () => console.error("Stopping; once more ends at once.") });
  if (!(await tune(command, { print: console.log, signal: abort.signal }))) process.exitCode = 130;
} catch (error) {
  if (!(error instanceof Error && Ds3Error.is(error))) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
