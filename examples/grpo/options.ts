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
  data: paths("questions with answers: .jsonl or .json"),
  rewardModelData: optional(paths("pairs of replies: a reward model learns from them and is the reward")),
  rewardModelSteps: count("optimiser steps of the reward model", 50),
  limit: optional(count("use so many of the records of each of the two")),
  steps: count("optimiser steps", 40),
  questions: count("questions of a step", 8),
  groupSize: count("replies to each question, which are compared with each other", 8),
  maxTokens: count("most tokens of a reply", 128),
  temperature: number("what the logits are divided by when replies are drawn", 1),
  loss: choice("loss", ["grpo", "dapo", "bnpo", "dr_grpo"], "grpo"),
  beta: number("pull towards the model at the start, which is then kept beside it", 0),
  learningRate: number("highest learning rate; it falls to a tenth", 3e-4),
  precision: precisionFlag,
  seed: integer("seed of the order and of the replies", 0),
  out: text("folder for model, checkpoints and metrics", "runs/grpo"),
  resume: flag("go on from the newest checkpoint in --out"),
};

/** The command line of `grpo`, checked. */
export type Options = Flags<typeof flags>;

/** Reads the command line. @throws ConfigError naming what is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  return parseFlags("grpo", "Raises the reward of a model's replies to questions.", argv, flags);
}
