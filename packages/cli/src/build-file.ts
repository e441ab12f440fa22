import { readFile } from "node:fs/promises";
import type { BuildConfig } from "@ds3/data/node";
import { ConfigError, FormatError } from "@ds3/errors";
import { z } from "zod";
import { configErrorOf } from "./config-error-of.ts";
import type { TrainChoices } from "./train-tokenizer.ts";

/** A tokenizer that a build trains on its own sources. */
export type TokenizerToTrain = Pick<TrainChoices, "vocabSize" | "preTokenizer" | "specialTokens" | "minFrequency">;

/** What `ds3 data build` reads: the config of `buildCorpus`, and where its tokenizer comes from. */
export interface BuildFile extends BuildConfig {
  /** The path of a tokenizer.json, or how to train one. */
  readonly tokenizer: string | TokenizerToTrain;
  /** Put before each document, null for nothing. Default: what tokenizer_config.json or DeepSeek-V3 calls it, if it is there. */
  readonly bosToken?: string | null;
  /** Put after each document, likewise. */
  readonly eosToken?: string | null;
  /**
   * Which added and special tokens are found in the texts themselves. Default "none": a text that spells `<｜User｜>` is
   * ordinary text, and cannot end a document or speak for a user; "all": it becomes the token.
   */
  readonly addedTokens?: "all" | "none";
}

const text = z.string().min(1);
const share = z.number().min(0).max(1);
const count = z.int().min(0);
const settings = z.union([z.boolean(), z.record(z.string(), z.record(z.string(), z.unknown()))]);

const source = z.strictObject({
  name: text,
  paths: z.union([text, z.array(text).min(1)]),
  format: z.enum(["text", "jsonl", "csv", "tsv", "parquet"]).optional(),
  textKey: text.optional(),
  separator: text.optional(),
  encoding: text.optional(),
  quotes: z.boolean().optional(),
  maxRecordBytes: z.int().min(1).optional(),
  language: text.optional(),
  repeat: z.number().min(0).optional(),
  lossWeight: z.number().min(0).optional(),
});

const normalize = z.strictObject({
  surrogates: z.boolean().optional(),
  lineEnds: z.boolean().optional(),
  controls: z.boolean().optional(),
  zeroWidth: z.boolean().optional(),
  form: z.union([z.enum(["NFC", "NFD", "NFKC", "NFKD"]), z.literal(false)]).optional(),
  trailingSpace: z.boolean().optional(),
  blankLines: z.union([count, z.literal(false)]).optional(),
});

const language = z.strictObject({
  keep: z.array(text).optional(),
  minShare: share.optional(),
  minScore: share.optional(),
  minLetters: count.optional(),
  maxWindows: count.optional(),
  again: z.boolean().optional(),
  model: z.enum(["extrasmall", "small", "medium", "large"]).optional(),
});

const numbers = z.enum(["keep", "zero"]);
const exact = z.strictObject({
  numbers: numbers.optional(),
  keep: z.enum(["first", "longest"]).optional(),
  compare: z.enum(["text", "words"]).optional(),
  unit: z.enum(["document", "paragraph", "line"]).optional(),
  minLength: count.optional(),
});

const minHash = z.strictObject({
  numbers: numbers.optional(),
  keep: z.enum(["first", "longest"]).optional(),
  ngram: count.optional(),
  buckets: count.optional(),
  hashesPerBucket: count.optional(),
  seed: count.optional(),
  minSimilarity: share.optional(),
});

const train = z.strictObject({
  vocabSize: z.int().min(257),
  preTokenizer: z.enum(["gpt2", "deepseek-v3"]).optional(),
  specialTokens: z.array(text).optional(),
  minFrequency: count.optional(),
});

const mix = z.strictObject({
  weights: z.record(z.string(), z.number().min(0)).optional(),
  temperature: z.number().optional(),
  total: z.number().min(1).optional(),
  maxEpochs: z.number().min(1).optional(),
  replay: z.strictObject({ source: text, ratio: share }).optional(),
});

/** The schema of a build file. */
export const buildSchema: z.ZodType = z.strictObject({
  out: text,
  work: text.optional(),
  tokenizer: z.union([text, train]),
  bosToken: text.nullable().optional(),
  eosToken: text.nullable().optional(),
  addedTokens: z.enum(["all", "none"]).optional(),
  sources: z.array(source).min(1),
  seed: count.optional(),
  badRecords: z.enum(["keep", "stop"]).optional(),
  normalize: z.union([z.boolean(), normalize]).optional(),
  language: z.union([z.boolean(), language]).optional(),
  filters: z
    .strictObject({
      gopherRepetition: settings.optional(),
      gopherQuality: settings.optional(),
      c4: settings.optional(),
      fineweb: settings.optional(),
    })
    .optional(),
  dedup: z
    .strictObject({
      exact: z.union([z.boolean(), exact]).optional(),
      minHash: z.union([z.boolean(), minHash]).optional(),
      memoryLimit: z.int().min(1).optional(),
    })
    .optional(),
  mix: mix.optional(),
  fimRate: share.optional(),
  splitRate: share.optional(),
  shardTokens: z.int().min(1).optional(),
  partUnits: z.int().min(1).optional(),
  sampleCount: count.optional(),
});

const OP = "ds3 data build";

/**
 * A build file with values from the command line in place of its own.
 * @param overrides as `key=value`: a path such as `dedup.minHash.ngram` or `sources.0.repeat`, and JSON or else a text.
 * @throws FormatError for a file that cannot be read or is no JSON; ConfigError naming the key and the nearest known one.
 */
export async function readBuildFile(path: string, overrides: readonly string[]): Promise<BuildFile> {
  const value = structuredClone(await readJson(path));
  for (const override of overrides) setValue(value, override);
  return checkBuildFile(value);
}

/** @throws ConfigError naming the key and the nearest known one. */
export function checkBuildFile(value: unknown): BuildFile {
  const result = buildSchema.safeParse(value);
  if (result.success) return result.data as BuildFile;
  throw configErrorOf(OP, buildSchema, value, result.error);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const actual = (cause as Error).message;
    throw new FormatError({ op: OP, operand: path, expected: "a JSON file", actual, cause });
  }
}

function setValue(config: unknown, override: string): void {
  const cut = override.indexOf("=");
  const keys = override.slice(0, cut).split(".");
  let place = config as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    const inner = place[key];
    if (inner === undefined || typeof inner === "boolean") place[key] = {};
    place = place[key] as Record<string, unknown>;
    if (typeof place === "object" && place !== null) continue;
    const expected = `an object or list at ${key}`;
    throw new ConfigError({ op: OP, operand: `--set ${override}`, expected, actual: JSON.stringify(inner) });
  }
  place[keys.at(-1)!] = parseValue(override.slice(cut + 1));
}

/** JSON where it is JSON, else the text itself. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
