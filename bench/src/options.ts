import { ConfigError, didYouMean } from "@ds3/errors";
import { Command, CommanderError, InvalidArgumentError } from "commander";

/** What a run of the command measures; `own` when no flag says otherwise. */
export type Mode = "own" | "profile" | "peers" | "cold" | "steady" | "scale" | "tokenizerTraining" | "dataMemory";

/** The bench's command line, checked. */
export interface BenchOptions {
  readonly mode: Mode;
  /** One line of JSON a figure in place of the table. */
  readonly json: boolean;
  /** Figures whose name contains this; "" for all. */
  readonly only: string;
  /** Where all figures go as one JSON file. */
  readonly out?: string;
  /** Training steps of one window of `own`. */
  readonly steps: number;
  /** Training steps of `steady`. */
  readonly steadySteps: number;
  /** Where `scale` draws its chart. */
  readonly plot?: string;
  /** A table of kernels that `pnpm tune` wrote, for `own` and `profile`. */
  readonly kernels?: string;
  /** Where `tokenizerTraining` leaves the text that it trains on. */
  readonly text?: string;
  /** Megabytes of text that `dataMemory` makes up. */
  readonly megabytes: number;
}

/** Modes by their flag. */
const FLAGS = {
  profile: "--profile",
  peers: "--peers",
  cold: "--cold",
  steady: "--steady",
  scale: "--scale",
  tokenizerTraining: "--tokenizer-training",
  dataMemory: "--data-memory",
} as const;
const MODES = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
/** Modes whose figures belong together. */
const UNDIVIDED: readonly Mode[] = ["steady", "tokenizerTraining", "dataMemory"];
/** Of `--data-memory`: more than it may hold. */
const MEGABYTES = 2000;
const STEADY_STEPS = 1000;
/** Counters are compared from the third step on, so there has to be a later one. */
const FEWEST_STEADY_STEPS = 4;

/** The flags as commander reads them. */
interface Flags extends Partial<Record<keyof typeof FLAGS, boolean | number>> {
  readonly json: boolean;
  readonly only: string;
  readonly out?: string;
  readonly steps: number;
  readonly plot?: string;
  readonly kernels?: string;
  readonly text?: string;
}

/**
 * Reads the command line of the bench. A leading `--`, which `pnpm run` hands through, is skipped. `--help` prints and
 * exits.
 * @throws ConfigError that names the flag and the nearest known one, or two flags that exclude each other.
 */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const command = createCommand();
  const args = argv[0] === "--" ? argv.slice(1) : argv;
  try {
    return optionsOf(command.parse([...args], { from: "user" }).opts<Flags>());
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw configError(error, command, args);
  }
}

function createCommand(): Command {
  return new Command("bench")
    .description("Measures this machine, GPU figures in f32: medians. Run it while nothing else runs.")
    .option("--json", "one line of JSON a figure", false)
    .option("--only <text>", "figures whose name contains this", "")
    .option("--out <file>", "also write all figures to a JSON file")
    .option("--steps <count>", "training steps in a window", count(1), 10)
    .option(
      "--kernels <file>",
      "run with the table of kernels that pnpm tune wrote (not with the flags below, but --profile)",
    )
    .option("--profile", "instead: time per kernel of one DeepSeek mini step")
    .option("--peers", "instead: matmul and the tiny GPT beside jax-js and TensorFlow.js")
    .option("--cold", "instead: pipelines and first steps, with shader caches empty and filled")
    .option("--steady [steps]", `instead: memory over ${STEADY_STEPS} training steps`, count(FEWEST_STEADY_STEPS))
    .option("--scale", "instead: tokens/s and peak bytes for four model sizes and four sequence lengths")
    .option("--tokenizer-training", "instead: training a tokenizer on 50 MB")
    .option("--text <file>", "where --tokenizer-training leaves its text, a JSON string a line")
    .option("--data-memory [megabytes]", `instead: memory of a build of a made-up corpus of ${MEGABYTES} MB`, count(1))
    .option("--plot <file>", "where --scale draws (default: docs/scale.svg, with --only nowhere)")
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
}

function optionsOf(flags: Flags): BenchOptions {
  const { json, only, out, steps, plot, steady, kernels, text, dataMemory } = flags;
  const modes = MODES.filter((mode) => flags[mode]);
  if (modes.length > 1) refuse("one of these flags", modes.map((mode) => FLAGS[mode]).join(" and "));
  const [flagged] = modes;
  const mode = flagged ?? "own";
  if (flagged !== undefined && UNDIVIDED.includes(flagged) && only !== "")
    refuse(`${FLAGS[flagged]} by itself: its figures belong together`, `${FLAGS[flagged]} with --only`);
  if (text !== undefined && mode !== "tokenizerTraining")
    refuse("--text with --tokenizer-training", "--text without it");
  if (plot !== undefined && mode !== "scale") refuse("--plot with --scale", "--plot without it");
  if (mode === "profile" && (json || out !== undefined || only !== "")) {
    refuse("--profile by itself: it prints a table of kernels, no figures", "--profile with --json, --out or --only");
  }
  if (kernels !== undefined && flagged !== undefined && flagged !== "profile")
    refuse("--kernels alone or with --profile", `--kernels with ${FLAGS[flagged]}`);
  const steadySteps = typeof steady === "number" ? steady : STEADY_STEPS;
  const megabytes = typeof dataMemory === "number" ? dataMemory : MEGABYTES;
  const files = {
    ...(out === undefined ? {} : { out }),
    ...(plot === undefined ? {} : { plot }),
    ...(kernels === undefined ? {} : { kernels }),
    ...(text === undefined ? {} : { text }),
  };
  return { mode, json, only, steps, steadySteps, megabytes, ...files };
}

function refuse(expected: string, actual: string): never {
  throw new ConfigError({ op: "bench", operand: "command line", expected, actual });
}

function configError(error: CommanderError, command: Command, args: readonly string[]): ConfigError {
  const base = { op: "bench", operand: "command line", cause: error } as const;
  if (error.code === "commander.unknownOption") {
    const flag = /'(--?[^'=]+)/.exec(error.message)?.[1] ?? args.join(" ");
    const flags = command.options.map(({ long }) => long!);
    return new ConfigError({ ...base, expected: "a known flag", actual: flag, hint: didYouMean(flag, flags) });
  }
  const message = error.message.replace(/^error: /, "").replace(/\.$/, "");
  const hint = "Run with --help for what is allowed.";
  return new ConfigError({ ...base, expected: "flags as in --help", actual: message, hint });
}

function count(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };
}
