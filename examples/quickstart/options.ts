import { type Precision, precisions } from "@ds3/deepseek";
import { ConfigError, didYouMean } from "@ds3/errors";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

/** Model sizes that the quickstart knows. */
export const presets = ["tiny", "mini-v3"] as const;

/** One of `presets`. */
export type Preset = (typeof presets)[number];

/** The quickstart's command line, checked. What was not given is absent, and the preset decides. */
export interface QuickstartOptions {
  /** Files to train on: .txt, .md, .jsonl, .csv. Absent: the demo texts. */
  readonly data?: readonly string[];
  /** The field of a CSV or JSONL row that holds the text. */
  readonly column: string;
  readonly preset: Preset;
  /** What the products of the linear layers read in training, and when a stage's model is asked. */
  readonly precision: Precision;
  /** Optimiser steps. */
  readonly steps?: number;
  readonly seed: number;
  /** Folder of the checkpoint, metrics and report. */
  readonly out: string;
  /** A run of a few steps that exercises every stage; its losses mean nothing. */
  readonly fast: boolean;
  /** Go on from the newest checkpoint in `out`. */
  readonly resume: boolean;
  /** A table of kernels that `pnpm tune` wrote. Absent: the built-in choice. */
  readonly kernels?: string;
  /** Errors come with their stack. */
  readonly verbose: boolean;
}

/**
 * Reads the command line of the quickstart. A leading `--`, which `pnpm run` hands through, is skipped.
 * `--help` prints and exits.
 * @throws ConfigError that names the flag and the nearest known one, or the value and what is allowed.
 */
export function parseOptions(argv: readonly string[]): QuickstartOptions {
  const command = createCommand();
  const args = argv[0] === "--" ? argv.slice(1) : argv;
  try {
    return command.parse([...args], { from: "user" }).opts<QuickstartOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw configError(error, command, args);
  }
}

function createCommand(): Command {
  return new Command("quickstart")
    .description("Trains a small DeepSeek-V3 on real text, teaches it to answer, and draws a report.")
    .addOption(new Option("--data <files...>", "files to train on: .txt, .md, .jsonl, .csv (default: texts from npm)"))
    .option("--column <name>", "the field that holds the text in CSV and JSONL files", "text")
    .addOption(new Option("--preset <name>", "model size").choices(presets).default("tiny"))
    .addOption(
      new Option("--precision <name>", "what products of linear layers read").choices(precisions).default("f32"),
    )
    .option("--steps <count>", "optimiser steps of pre-training (default: the preset's)", positiveInteger)
    .option("--seed <number>", "seed of weights, data order and sampling", wholeNumber, 0)
    .option("--out <folder>", "where checkpoint, metrics and report go", "runs/quickstart")
    .option("--fast", "a few steps only, to see every stage work", false)
    .option("--resume", "go on from the newest checkpoint in --out", false)
    .option("--kernels <file>", "table of the fastest kernels here, from pnpm tune")
    .option("--verbose", "show the stack of an error", false)
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
}

function configError(error: CommanderError, command: Command, args: readonly string[]): ConfigError {
  const flags = command.options.map(({ long }) => long!);
  const base = { op: "quickstart", cause: error } as const;
  if (error.code === "commander.unknownOption") {
    const flag = /'(--?[^'=]+)/.exec(error.message)?.[1] ?? args.join(" ");
    return new ConfigError({
      ...base,
      operand: "command line",
      expected: "a known flag",
      actual: flag,
      hint: didYouMean(flag, flags),
    });
  }
  const message = error.message.replace(/^error: /, "").replace(/\.$/, "");
  const hint = "Run with --help for what is allowed.";
  return new ConfigError({ ...base, operand: "command line", expected: "flags as in --help", actual: message, hint });
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number above 0.");
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 32) throw new InvalidArgumentError("Expected a whole number below 2^32.");
  return value;
}
