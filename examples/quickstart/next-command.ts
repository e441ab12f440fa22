import { commandLine } from "./command-line.ts";
import type { QuickstartOptions } from "./options.ts";

/** What to try after a run of `steps` steps: one's own text, or with that the same run twice as long. */
export function nextCommand(options: QuickstartOptions, steps: number): string {
  if (options.data === undefined) return "your own text: npx --yes pnpm@12 quickstart --data my.txt";
  return `twice as long: ${commandLine({ ...options, steps: 2 * steps, fast: false })}`;
}
