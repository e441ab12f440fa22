import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { type OptionRules, requireOptions } from "../require-options.ts";
import { requireChoice, shown } from "../require-value.ts";
import type { KeyShape } from "./key-store.ts";

/** What counts as a duplicate, and which copy stays. */
export interface DedupOptions {
  /** `exact`: equal texts; `minHash`: texts that share most of their word sequences. */
  readonly mode: "exact" | "minHash";
  /** Which of a cluster stays: its first (default), or its longest in UTF-8 bytes, the first of equally long ones. */
  readonly keep?: "first" | "longest";
  /** exact: compare texts up to white space and Unicode composition (`text`, default), or simplified (`words`). */
  readonly compare?: "text" | "words";
  /**
   * minHash, and exact with `compare: "words"`: `keep` (default) tells texts apart by their numbers; `zero` makes every run of
   * digits one 0, as datatrove does, for pages that differ in dates and counters: exercises of one form are then one text.
   */
  readonly numbers?: "keep" | "zero";
  /** exact: what is compared and removed: whole documents (default), or their paragraphs or lines one by one. */
  readonly unit?: "document" | "paragraph" | "line";
  /** exact, by paragraph or line: shorter ones in UTF-16 units, trimmed, are never removed. Default 16. */
  readonly minLength?: number;
  /** minHash: tokens in a shingle. Default 5. */
  readonly ngram?: number;
  /** minHash: groups of hashes, of which one must agree as a whole. Default 14. */
  readonly buckets?: number;
  /** minHash: hashes in a group. Default 8. */
  readonly hashesPerBucket?: number;
  /** minHash: seed of the hash functions. Default 1. */
  readonly seed?: number;
  /**
   * minHash: two texts with an equal bucket are duplicates only if this share of all their hashes is equal, default 0.7:
   * it makes "alike" sharper than buckets do alone. 0 takes every equal bucket for a duplicate, as datatrove does.
   */
  readonly minSimilarity?: number;
}

/** The options in full; those of the other mode are there with their defaults and change nothing. */
export type DedupSettings = Required<DedupOptions>;

const DEFAULTS: Omit<DedupSettings, "mode"> = {
  keep: "first",
  compare: "text",
  numbers: "keep",
  unit: "document",
  minLength: 16,
  ngram: 5,
  buckets: 14,
  hashesPerBucket: 8,
  seed: 1,
  minSimilarity: 0.7,
};

/** Values are checked below: of the wrong mode, ranges. */
const NAMES = Object.fromEntries(
  ["mode", ...Object.keys(DEFAULTS)].map((name) => [name, "any"]),
) as OptionRules<DedupOptions>;

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mode: ["exact", "minHash"],
  keep: ["first", "longest"],
  compare: ["text", "words"],
  numbers: ["keep", "zero"],
  unit: ["document", "paragraph", "line"],
};

const RANGES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  minLength: [0, 2 ** 31],
  ngram: [1, 1000],
  buckets: [1, 1000],
  hashesPerBucket: [1, 1000],
  seed: [0, Number.MAX_SAFE_INTEGER],
};

const MODE_OF: Readonly<Record<string, DedupOptions["mode"]>> = {
  compare: "exact",
  unit: "exact",
  minLength: "exact",
  ngram: "minHash",
  buckets: "minHash",
  hashesPerBucket: "minHash",
  seed: "minHash",
  minSimilarity: "minHash",
};

/**
 * Options with defaults filled in.
 * @throws ConfigError for no options, an unknown option or choice, or one of the other mode; OutOfRangeError for a number out of range.
 */
export function resolveDedupOptions(op: string, options: DedupOptions): DedupSettings {
  requireOptions(op, options, NAMES);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) checkOption(op, name, value, options.mode);
  if (options.mode === undefined) {
    const expected = CHOICES.mode!.join(" or ");
    throw new ConfigError({ op, operand: "mode", expected, actual: "nothing" });
  }
  if (options.numbers !== undefined && options.mode === "exact" && options.compare !== "words") {
    const [expected, actual] = ['no such option unless compare is "words"', `"${options.numbers}"`];
    throw new ConfigError({ op, operand: "numbers", expected, actual, hint: "Texts are compared with their numbers." });
  }
  return { ...DEFAULTS, ...Object.fromEntries(given) } as DedupSettings;
}

/** What a store keeps under these settings. */
export function keyShapeOf({ mode, buckets, hashesPerBucket, minSimilarity }: DedupSettings): KeyShape {
  if (mode === "exact") return { bands: 1, keyWords: 4, signatureWords: 0 };
  return { bands: buckets, keyWords: 2, signatureWords: minSimilarity > 0 ? buckets * hashesPerBucket : 0 };
}

function checkOption(op: string, name: string, value: unknown, mode: DedupOptions["mode"]): void {
  if (CHOICES[name] !== undefined) requireChoice(op, name, value, CHOICES[name]);
  else if (name === "minSimilarity") checkRange(op, name, value, [0, 1], false);
  else if (RANGES[name] !== undefined) checkRange(op, name, value, RANGES[name], true);
  if (MODE_OF[name] === undefined || MODE_OF[name] === mode) return;
  const expected = `no such option in mode "${mode}"`;
  throw new ConfigError({ op, operand: name, expected, actual: shown(value), hint: "Leave it out." });
}

function checkRange(
  op: string,
  operand: string,
  value: unknown,
  [low, high]: readonly [number, number],
  isWhole: boolean,
): void {
  const isFit = typeof value === "number" && value >= low && value <= high && (!isWhole || Number.isInteger(value));
  if (isFit) return;
  const expected = `${isWhole ? "an integer" : "a number"} in [${low}, ${high}]`;
  throw new OutOfRangeError({ op, operand, expected, actual: String(value) });
}
