import { FormatError } from "@ds3/errors";
import { asPattern, booleanOr, optionalBoolean } from "./json-fields.ts";
import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { fromOniguruma } from "./oniguruma-regex.ts";
import {
  composed,
  cutting,
  type PreTokenizer,
  rewriting,
  type Splitter,
  sequence,
  wholeText,
} from "./pre-tokenizer.ts";
import { byteLevel, inByteAlphabet, withPrefixSpace } from "./pre-tokenizers/byte-level.ts";
import { bertPreTokenizer, digits, punctuationSplit, whitespaceSplit } from "./pre-tokenizers/character-splitters.ts";
import { fixedLength } from "./pre-tokenizers/fixed-length.ts";
import { regexMatcher, stringMatcher } from "./pre-tokenizers/matchers.ts";
import { metaspace, type PrependScheme } from "./pre-tokenizers/metaspace.ts";
import { type Matcher, type SplitBehavior, splitAt } from "./pre-tokenizers/split-behavior.ts";
import { unicodeScripts } from "./pre-tokenizers/unicode-scripts.ts";
import { whitespace } from "./pre-tokenizers/whitespace.ts";
import { DEEPSEEK_V3_PATTERNS, GPT2_PATTERN, knownScanner } from "./scanners/known-scanner.ts";
import { oneOf, wholeNumber } from "./section-reader.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

const byteLevelJson = (useRegex: boolean): JsonObject => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const isolatedJson = (pattern: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

/** Names of the pre-tokenizers that training offers: GPT-2's pattern, DeepSeek-V3's three splits. */
export type TrainedPreTokenizer = "gpt2" | "deepseek-v3";

/** Those pre-tokenizers as tokenizer.json spells them. */
export const preTokenizerPresets: Readonly<Record<TrainedPreTokenizer, JsonObject>> = {
  gpt2: byteLevelJson(true),
  "deepseek-v3": {
    type: "Sequence",
    pretokenizers: [...DEEPSEEK_V3_PATTERNS.map(isolatedJson), byteLevelJson(false)],
  },
};

/** How a pre-tokenizer is built. */
export interface ParsePreTokenizerOptions {
  /**
   * Write ByteLevel's characters for bytes into the pieces even when it is the last step. For models that know them as
   * text; `byteLevel` of the result is false then. Default false.
   */
  readonly writeBytes?: boolean;
}

/**
 * Build the pre-tokenizer that a tokenizer.json describes; null gives the whole text as one piece.
 *
 * Does: Sequence, Split, ByteLevel, Digits, Whitespace, WhitespaceSplit, Punctuation, Metaspace, CharDelimiterSplit,
 * BertPreTokenizer, UnicodeScripts, FixedLength. Patterns with a hand-written scanner get that.
 * @throws UnsupportedTokenizerError naming another type, or what a pattern asks for that cannot be done; FormatError
 * for a field of the wrong type.
 */
export function parsePreTokenizer(json: Json | undefined, options: ParsePreTokenizerOptions = {}): PreTokenizer {
  const parts = flatten(json ?? null, "pre_tokenizer");
  const steps = parts.flatMap((part, i) => parseStep(part, i < parts.length - 1 || options.writeBytes === true));
  return sequence(joinPatterns(steps));
}

interface Part {
  readonly json: JsonObject;
  readonly path: string;
}

/** An isolated pattern that is not translated yet, since a scanner may do it together with its neighbours. */
interface Pattern {
  readonly pattern: string;
  readonly build: () => Splitter;
}

type Step = PreTokenizer | Pattern;

function flatten(json: Json, path: string): Part[] {
  if (json === null) return [];
  const object = asObject(json, path);
  if (object.type !== "Sequence") return [{ json: object, path }];
  const list = asArray(object.pretokenizers, `${path}.pretokenizers`);
  return list.flatMap((item, i) => flatten(item, `${path}.pretokenizers[${i}]`));
}

function parseStep({ json, path }: Part, writeBytes: boolean): Step[] {
  const { type } = json;
  const parse = typeof type === "string" && Object.hasOwn(parsers, type) ? parsers[type] : undefined;
  if (parse === undefined) throw unsupported(`${path}.type`, `one of ${Object.keys(parsers).join(", ")}`, type);
  return parse(json, path, writeBytes);
}

const parsers: Readonly<Record<string, (json: JsonObject, path: string, writeBytes: boolean) => Step[]>> = {
  Split: parseSplit,
  ByteLevel: parseByteLevel,
  Digits: (json, path) => [cutting(digits(asBoolean(json.individual_digits, `${path}.individual_digits`)))],
  Whitespace: () => [cutting(whitespace())],
  WhitespaceSplit: () => [cutting(whitespaceSplit())],
  Punctuation: (json, path) => [
    cutting(punctuationSplit(behaviorOf(json.behavior === undefined ? "Isolated" : json.behavior, path))),
  ],
  Metaspace: (json, path) => [parseMetaspace(json, path)],
  CharDelimiterSplit: (json, path) => [
    cutting(splitAt(stringMatcher(asCharacter(json.delimiter, `${path}.delimiter`)), "Removed")),
  ],
  BertPreTokenizer: () => [cutting(bertPreTokenizer())],
  UnicodeScripts: () => [cutting(unicodeScripts())],
  FixedLength: (json, path) => [cutting(fixedLength(parseLength(json.length, `${path}.length`)))],
};

function parseSplit(json: JsonObject, path: string): Step[] {
  const behavior = behaviorOf(json.behavior, path);
  const invert = asBoolean(json.invert, `${path}.invert`);
  const { isRegex, source } = asPattern(json.pattern, `${path}.pattern`);
  if (!isRegex) return [cutting(splitAt(stringMatcher(source), behavior, invert))];
  if (behavior === "Isolated") return [patternStep(source)];
  // Where a known pattern matches every character, keeping only its matches is the same as isolating them.
  const scanner = behavior === "Removed" && invert ? knownScanner([source]) : undefined;
  return [cutting(scanner ?? splitAt(regexOf(source), behavior, invert))];
}

function parseByteLevel(json: JsonObject, path: string, writeBytes: boolean): Step[] {
  const addPrefixSpace = asBoolean(json.add_prefix_space, `${path}.add_prefix_space`);
  asBoolean(json.trim_offsets, `${path}.trim_offsets`); // nothing here depends on it, but HF asks for it
  const useRegex = booleanOr(json.use_regex, `${path}.use_regex`, true);
  const prefix = addPrefixSpace ? [rewriting(withPrefixSpace)] : [];
  const words = useRegex ? [patternStep(GPT2_PATTERN)] : [];
  return [...prefix, ...words, writeBytes ? inByteAlphabet(cutting(wholeText)) : byteLevel(wholeText, false)];
}

function parseMetaspace(json: JsonObject, path: string): PreTokenizer {
  const replacement = asCharacter(json.replacement, `${path}.replacement`);
  const schemes: readonly PrependScheme[] = ["always", "first", "never"];
  const { prepend_scheme: named = "always" } = json;
  const scheme = oneOf(named, schemes, `${path}.prepend_scheme`);
  const split = optionalBoolean(json.split, `${path}.split`, true);
  // Older files have this instead of a scheme; HF refuses the two unless they agree, "always" where there is none.
  if (!optionalBoolean(json.add_prefix_space, `${path}.add_prefix_space`, true))
    oneOf(scheme, ["never"], `${path}.prepend_scheme`);
  return metaspace(replacement, scheme, split);
}

function patternStep(pattern: string): Pattern {
  return { pattern, build: () => splitAt(regexOf(pattern), "Isolated") };
}

function regexOf(pattern: string): Matcher {
  return regexMatcher(fromOniguruma(pattern));
}

/** Build patterns that follow each other, as few scanners as can be. */
function joinPatterns(steps: readonly Step[]): PreTokenizer[] {
  const built: PreTokenizer[] = [];
  for (let i = 0; i < steps.length; ) {
    const step = steps[i]!;
    if (!("pattern" in step)) {
      built.push(step);
      i++;
      continue;
    }
    const end = steps.findIndex((other, j) => j > i && !("pattern" in other));
    const run = steps.slice(i, end < 0 ? steps.length : end) as Pattern[];
    built.push(cutting(splitterOf(run)));
    i += run.length;
  }
  return built;
}

/** The longest known beginning of some successive patterns, then what is left. */
function splitterOf(patterns: readonly Pattern[]): Splitter {
  if (patterns.length === 0) return wholeText;
  for (let count = patterns.length; count > 0; count--) {
    const scanner = knownScanner(patterns.slice(0, count).map(({ pattern }) => pattern));
    if (scanner !== undefined) return composed([scanner, splitterOf(patterns.slice(count))]);
  }
  return composed([patterns[0]!.build(), splitterOf(patterns.slice(1))]);
}

function behaviorOf(value: Json | undefined, path: string): SplitBehavior {
  return oneOf(value, BEHAVIORS, `${path}.behavior`);
}

function parseLength(value: Json | undefined, path: string): number {
  const length = wholeNumber(value === undefined ? 5 : value, path);
  if (length > 0) return length;
  throw new FormatError({ op: "parseTokenizer", operand: path, expected: "at least 1", actual: "0" });
}

function asBoolean(value: Json | undefined, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw new FormatError({ op: "parseTokenizer", operand: path, expected: "true or false", actual: describe(value) });
}

function asCharacter(value: Json | undefined, path: string): string {
  const text = asString(value, path);
  if ([...text].length === 1) return text;
  throw new FormatError({ op: "parseTokenizer", operand: path, expected: "one character", actual: describe(value) });
}

/** The error for a part of tokenizer.json that cannot be done exactly. */
export function unsupported(operand: string, expected: string, value: Json | undefined): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({ op: "parseTokenizer", operand, expected, actual: describe(value) });
}
