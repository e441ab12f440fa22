import { commandLine, quote } from "./command-line.ts";
import type { QuickstartOptions } from "./options.ts";

/** What a run's end suggests. */
export interface NextCommands {
  /** One's own text, or with that the same run twice as long. */
  readonly train: string;
  /** A chat with the trained model. */
  readonly chat: string;
}

/** What to try after a run of `steps` pre-training steps. */
export function nextCommands(options: QuickstartOptions, steps: number): NextCommands {
  const { data, out } = options;
  const isDefault = out === "runs/quickstart";
  return {
    train:
      data === undefined
        ? "your own text: npx --yes pnpm@12 quickstart --data my.txt"
        : `twice as long: ${commandLine({ ...options, steps: 2 * steps, fast: false })}`,
    chat: `npx --yes pnpm@12 chat${isDefault ? "" : ` --model ${quote(`${out}/model`)}`}`,
  };
}
