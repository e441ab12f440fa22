import {
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
  model: text("folder of the model to start from"),
  data: paths("conversations: .jsonl or .json"),
  secondStage: optional(paths("conversations that a second stage learns alone, against endless repetition")),
  limit: optional(count("use so many of the records of each of the two")),
  epochs: number("times that every conversation is learned, in each stage", 1),
  steps: optional(count("optimiser steps of each stage, in place of --epochs")),
  batch: count("rows of a batch; short conversations share a row", 4),
  length: count("tokens of a row; longer conversations are left out", 512),
  learningRate: number("highest learning rate; it falls to a fifth", 1e-3),
  precision: precisionFlag,
  seed: integer("seed of the order", 0),
  out: text("folder for model, checkpoints and metrics", "runs/sft"),
  resume: flag("go on from the newest checkpoint in --out"),
};

/** The command line of `sft`, checked. */
export type Options = Flags<typeof flags>;

/** Reads the command line. @throws ConfigError naming what is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  return parseFlags("sft", "Fine-tunes a model on what the assistant says in conversations.", argv, flags);
}
