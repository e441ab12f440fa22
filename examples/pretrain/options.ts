import {
  choice,
  count,
  type Flags,
  flag,
  integer,
  number,
  optional,
  parseFlags,
  paths,
  precisionFlag,
  text,
} from "@ds3/example-shared";

const flags = {
  data: paths("text to learn: .txt, .md, .jsonl, .csv, .tsv"),
  shards: optional(text("folder of token shards and their tokenizer.json to learn instead; --data is measured on")),
  column: text("the field that holds the text in .jsonl, .csv and .tsv files", "text"),
  preset: choice("model size", ["tiny", "mini", "mini-v3"], "tiny"),
  vocabSize: count("most tokens of the tokenizer", 1024),
  steps: count("optimiser steps", 600),
  batch: count("windows of a batch", 4),
  length: count("tokens of a window", 256),
  learningRate: number("highest learning rate", 6e-3),
  checkpoint: choice("what backward computes again instead of keeping it", ["none", "block"], "none"),
  precision: precisionFlag,
  seed: integer("seed of weights and data order", 0),
  kernels: optional(text("table of the fastest kernels here, from pnpm tune")),
  out: text("folder for model, checkpoints and metrics", "runs/pretrain"),
  resume: flag("go on from the newest checkpoint in --out"),
};

/** The command line of `pretrain`, checked. */
export type Options = Flags<typeof flags>;

/** Reads the command line. @throws ConfigError naming what is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  return parseFlags("pretrain", "Trains a tokenizer and a small DeepSeek-V3 on text.", argv, flags);
}
