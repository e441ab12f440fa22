import { choice, count, type Flags, optional, parseFlags, paths, text } from "@ds3/example-shared";
import { studyPlan } from "./study-config.ts";

const parts = ["all", "pairs", "control", "continued", "diagnosis", "outliers", "promotion", "report"] as const;

const flags = {
  data: optional(paths("text to learn in place of the demo texts: .txt, .md, .jsonl, .csv, .tsv")),
  column: text("the field that holds the text in .jsonl, .csv and .tsv files", "text"),
  part: choice("what to run", parts, "all"),
  steps: count("optimiser steps of a run", studyPlan.steps),
  seeds: count("seeds, from 0: pairs of runs", studyPlan.seeds.length),
  out: text("folder of the runs; what is finished there is not run again", "runs/fp8-study"),
  docs: optional(text("folder of fp8-study.md and .svg (default: docs/ for the whole study, else --out)")),
};

/** The command line of `fp8-study`, checked. */
export type Options = Flags<typeof flags>;

/** Reads the command line. @throws ConfigError naming what is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  return parseFlags("fp8-study", "Trains a small DeepSeek-V3 in f32 and in FP8 and compares the losses.", argv, flags);
}
