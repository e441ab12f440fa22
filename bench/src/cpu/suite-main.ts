/*
 * suites.js FILE: measures the suite that a JSON file describes and prints a line of JSON for each figure. Bundled from
 * this file by `bundleSuites`.
 */
import { readFileSync } from "node:fs";
import { Ds3Error } from "@ds3/errors";
import type { CpuFigure, RunSuite, SuiteInput, SuiteMessage, TextInput } from "./suite-messages.ts";
import { benchDedup } from "./suites/dedup.ts";
import { benchEncoding } from "./suites/encoding.ts";
import { benchFp8Codec } from "./suites/fp8-codec.ts";
import { benchMemory } from "./suites/memory.ts";
import { benchReading } from "./suites/reading.ts";
import { benchShards } from "./suites/shards.ts";
import { benchStages } from "./suites/stages.ts";
import { benchTokens } from "./suites/tokens.ts";
import { benchTraining } from "./suites/training.ts";
import { benchWorstCases } from "./suites/worst-cases.ts";

const suites: Readonly<Record<TextInput["suite"], RunSuite<TextInput>>> = {
  deepseek: benchEncoding,
  v6400: benchEncoding,
  worst: benchWorstCases,
  reading: benchReading,
  stages: benchStages,
  dedup: benchDedup,
  tokens: benchTokens,
  shards: benchShards,
};

// The parent holds the other end of standard input: it closes with the parent.
process.stdin.on("close", () => process.exit(1)).resume();

const input = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as SuiteInput;
try {
  for await (const figure of figuresOf(input)) await print({ type: "figure", figure });
} catch (error) {
  if (!(error instanceof Ds3Error)) throw error; // one copy: all is in one bundle
  const { op, operand, expected, actual, hint } = error;
  await print({ type: "error", error: { op, operand, expected, actual, ...(hint !== undefined && { hint }) } });
}
process.exit(0);

function figuresOf(given: SuiteInput): AsyncGenerator<CpuFigure> {
  if (given.suite === "fp8Codec") return benchFp8Codec();
  if (given.suite === "training") return benchTraining(given);
  return given.suite === "memory" ? benchMemory(given) : suites[given.suite](given);
}

function print(message: SuiteMessage): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve()));
}
