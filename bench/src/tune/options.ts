import { deepseekPresets, type PresetName } from "@ds3/deepseek";
import { ConfigError, didYouMean } from "@ds3/errors";
import { Command, CommanderError, InvalidArgumentError } from "commander";

/** A model whose shapes are collected: a preset, or the peers' tiny GPT where its weights are there. */
export type TunedModel = PresetName | "gpt";

/** The command line of `pnpm tune`, checked. */
export interface TuneCommand {
  readonly presets: readonly TunedModel[];
  /** Rows and tokens a row of a training batch. */
  readonly batch: number;
  readonly length: number;
  /** Sides of square products that are measured as well. */
  readonly squares: readonly number[];
  readonly out: string;
  readonly budget?: number;
  readonly minGain: number;
  readonly windows: number;
  /** Measure CPU time in place of the wall clock. */
  readonly cpuTime: boolean;
  /** Classes whose name contains this; "" for all. */
  readonly only: string;
  /** Print every variant, not the best alone. */
  readonly all: boolean;
}

/** As commander reads them: it parses no lists. */
interface Flags extends Omit<TuneCommand, "presets" | "squares"> {
  readonly preset: readonly string[];
  readonly squares: readonly string[] | false;
}

const MODELS: readonly TunedModel[] = [...(Object.keys(deepseekPresets) as PresetName[]), "gpt"];

/**
 * Reads the command line. A leading `--`, which `pnpm run` hands through, is skipped; `--help` prints and exits.
 * @throws ConfigError that names what is wrong, and the nearest known name.
 */
export function parseTuneOptions(argv: readonly string[]): TuneCommand {
  const command = createCommand();
  const args = argv[0] === "--" ? argv.slice(1) : argv;
  try {
    const { preset, squares, ...flags } = command.parse([...args], { from: "user" }).opts<Flags>();
    return { ...flags, presets: preset.map(model), squares: (squares || []).map(count) };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    const flag = /'(--?[^'=]+)'/.exec(error.message)?.[1];
    const hint =
      flag === undefined
        ? ""
        : didYouMean(
            flag,
            command.options.map(({ long }) => long!),
          );
    const actual = error.message.replace(/^error: /, "").replace(/\.$/, "");
    throw new ConfigError({ op: "tune", operand: "command line", expected: "flags as in --help", actual, hint });
  }
}

function createCommand(): Command {
  return new Command("tune")
    .description(
      "Measures which kernels are fastest on this adapter for a model's products and attention, and writes them as a table.",
    )
    .option("--preset <names...>", `models: ${MODELS.join(", ")}`, ["mini", "tiny"])
    .option("--batch <rows>", "rows of a training batch", count, 4)
    .option("--length <tokens>", "tokens of a row", count, 256)
    .option("--squares <sides...>", "sides of square products", ["512", "1024"])
    .option("--no-squares", "without square products")
    .option("--out <file>", "where the table goes", "ds3-kernels.json")
    .option("--budget <seconds>", "begin no further shape after that; the heaviest come first", count)
    .option("--min-gain <share>", "least share of the time that replaces the default", share, 0.03)
    .option("--windows <count>", "windows of each kernel, in turns", count, 7)
    .option("--cpu-time", "measure CPU time: for software adapters on a machine that does other work", false)
    .option("--only <text>", "shapes whose name contains this", "")
    .option("--all", "print every kernel, not the best alone", false)
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
}

function model(text: string): TunedModel {
  if ((MODELS as readonly string[]).includes(text)) return text as TunedModel;
  throw new InvalidArgumentError(`there is no preset "${text}". ${didYouMean(text, MODELS)}`);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("Expected a whole number of at least 1.");
}

function share(text: string): number {
  const value = Number(text);
  if (value >= 0 && value < 1) return value;
  throw new InvalidArgumentError("Expected a share from 0 to below 1, e.g. 0.03.");
}
