import { dpoLossNames } from "@ds3/align-dpo";
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
  model: text("folder of the model to start from, best one that was fine-tuned"),
  data: paths("pairs of replies: .jsonl or .json"),
  limit: optional(count("use so many of the records")),
  loss: choice("loss", dpoLossNames, "sigmoid"),
  beta: number("pull towards the model at the start", 0.1),
  labelSmoothing: number("share of pairs taken to be labelled the wrong way round", 0),
  nllWeight: number("weight of learning the better reply's text as well, against its becoming less likely", 0),
  steps: count("optimiser steps", 50),
  batch: count("pairs of a batch", 8),
  length: optional(count("most tokens of a prompt with a reply; longer pairs are left out (default: the context)")),
  learningRate: number("highest learning rate; it falls to a tenth", 2e-4),
  precision: precisionFlag,
  seed: integer("seed of the order", 0),
  out: text("folder for model, checkpoints and metrics", "runs/dpo"),
  resume: flag("go on from the newest checkpoint in --out"),
};

/** The command line of `dpo`, checked. */
export type Options = Flags<typeof flags>;

/** Reads the command line. @throws ConfigError naming what is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  return parseFlags("dpo", "Teaches a model which of two replies is the better one.", argv, flags);
}
