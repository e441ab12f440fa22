/**
 * Fill-in-the-middle (Bavarian et al. 2022, arXiv 2207.14255): a document is cut at two places into prefix, middle and
 * suffix, and the middle is moved to the end, so that a model learns to write what stands between two texts.
 *
 * As in DeepSeek-V3 (report, section 4.1): a tenth of the documents, whole documents before packing, and the order PSM,
 * `begin prefix hole suffix end middle eos`. The cuts are uniform over the borders of code points and independent, so a
 * part may be empty and a cut may lie within a word; the three parts are encoded apart, as they are when the model is used.
 * All tokens are learnt from, those of prefix and suffix too.
 */
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { createKeyedRandom } from "../keyed-random.ts";
import { requireInteger } from "../require-integer.ts";
import { requireOptions } from "../require-options.ts";
import { isPairAt } from "../surrogates.ts";

/** Options of `createFim`. */
export interface FimOptions {
  /** Id put before the prefix. */
  readonly fimBegin: number;
  /** Id put between prefix and suffix: where the middle is missing. */
  readonly fimHole: number;
  /** Id put between suffix and middle. */
  readonly fimEnd: number;
  /** Id put after every document, rearranged or not. Default: none. */
  readonly eos?: number;
  /** Share of documents that are rearranged, in [0, 1]. Default 0.1. */
  readonly rate?: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /**
   * Ids of a text, a new array each call; adds nothing around it. The parts are texts of their own: an encoder that puts a
   * space before every text would put one at the cuts, too.
   */
  readonly encode: (text: string) => ArrayLike<number>;
  /** Texts of all special and added tokens: a document that has one in it stays as it is, as a cut might go through it. */
  readonly skip?: Iterable<string>;
}

/** A document in three parts: prefix + middle + suffix is its text. */
export interface FimParts {
  readonly prefix: string;
  readonly middle: string;
  readonly suffix: string;
}

/** What was done so far, in documents. */
export interface FimReport {
  readonly documents: number;
  readonly rearranged: number;
  /** Drawn to be rearranged, but with the text of a special token in them. */
  readonly skipped: number;
}

/** Encodes documents, some of them rearranged. */
export interface Fim {
  /** Ids of a document. `key`: see `documentKey`; the outcome follows from seed, key and text alone. */
  encode(text: string, key: string): Int32Array;
  /** The parts that `encode` rearranges, or undefined where it does not; counts nothing. */
  cut(text: string, key: string): FimParts | undefined;
  report(): FimReport;
}

/**
 * An encoder of documents for fill-in-the-middle.
 *
 * Cost: beside `encode`, some random numbers a document, and for those drawn one search for the special tokens' texts.
 * @throws OutOfRangeError for an id, rate or seed that is none; ConfigError when two of the ids are equal, a text to
 * skip is empty or an option is not known.
 */
export function createFim(options: FimOptions): Fim {
  validate(options);
  const special = anyOf(options.skip ?? []);
  const counts = { documents: 0, rearranged: 0, skipped: 0 };
  return {
    encode(text, key) {
      const parts = drawParts(text, key, options);
      const isSkipped = parts !== undefined && special?.test(text) === true;
      counts.documents++;
      if (isSkipped) counts.skipped++;
      if (parts === undefined || isSkipped) return join(encodePart(text, options), tail(options));
      counts.rearranged++;
      return rearrange(parts, options);
    },
    cut(text, key) {
      const parts = drawParts(text, key, options);
      return parts === undefined || special?.test(text) ? undefined : parts;
    },
    report: () => ({ ...counts }),
  };
}

function rearrange({ prefix, middle, suffix }: FimParts, options: FimOptions): Int32Array {
  const { fimBegin, fimHole, fimEnd } = options;
  const [before, between, after] = [prefix, middle, suffix].map((part) => encodePart(part, options));
  return join([fimBegin], before!, [fimHole], after!, [fimEnd], between!, tail(options));
}

function drawParts(text: string, key: string, { seed, rate = 0.1 }: FimOptions): FimParts | undefined {
  const random = createKeyedRandom(seed, "fim", key);
  if (random.nextFloat() >= rate || text === "") return undefined;
  const border = (): number => {
    let at = random.below(text.length + 1);
    while (isPairAt(text, at - 1)) at = random.below(text.length + 1); // what is left is uniform over the borders
    return at;
  };
  const [one, other] = [border(), border()];
  const [from, to] = [Math.min(one, other), Math.max(one, other)];
  return { prefix: text.slice(0, from), middle: text.slice(from, to), suffix: text.slice(to) };
}

function encodePart(text: string, { encode }: FimOptions): ArrayLike<number> {
  return text === "" ? [] : encode(text);
}

function tail({ eos }: FimOptions): readonly number[] {
  return eos === undefined ? [] : [eos];
}

function join(...parts: readonly ArrayLike<number>[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function anyOf(texts: Iterable<string>): RegExp | undefined {
  const patterns = Array.from(texts, (text) => {
    if (text !== "") return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    throw new ConfigError({ op: "createFim", operand: "skip", expected: "texts of special tokens", actual: '""' });
  });
  return patterns.length === 0 ? undefined : new RegExp(patterns.join("|"));
}

const RULES = {
  fimBegin: "any",
  fimHole: "any",
  fimEnd: "any",
  eos: "any",
  rate: "any",
  seed: "any",
  encode: "function",
  skip: "any",
} as const;

function validate(options: FimOptions): void {
  requireOptions("createFim", options, RULES);
  const { fimBegin, fimHole, fimEnd, eos, rate = 0.1, seed } = options;
  if (typeof options.encode !== "function")
    throw new ConfigError({ op: "createFim", operand: "encode", expected: "a function", actual: "none" });
  const ids = Object.entries({ fimBegin, fimHole, fimEnd, eos }).filter(([, id]) => id !== undefined);
  for (const [operand, id] of ids)
    requireInteger("createFim", operand, id, 0, 2 ** 31 - 1, "Ask the tokenizer for the id of that token.");
  requireInteger("createFim", "seed", seed, 0);
  for (const [at, [operand, id]] of ids.entries()) {
    const same = ids.slice(0, at).find(([, other]) => other === id);
    if (same === undefined) continue;
    throw new ConfigError({ op: "createFim", operand, expected: "an id of its own", actual: `${id}, as ${same[0]}` });
  }
  if (rate >= 0 && rate <= 1) return;
  throw new OutOfRangeError({ op: "createFim", operand: "rate", expected: "a number in [0, 1]", actual: `${rate}` });
}
