/**
 * Random splitting of tokens that join punctuation and line ends, such as ".\n" or ");\n\n".
 *
 * Where punctuation takes the line ends after it into one token, a model never sees the two apart, and a prompt that ends
 * with the punctuation alone surprises it: the token boundary bias. DeepSeek-V3 splits a certain proportion of such tokens
 * in training (report, section 4.1; the proportion is not published). The text that the ids stand for stays the same, byte
 * for byte: that is checked for every token of the table.
 */
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { createKeyedRandom } from "../keyed-random.ts";
import { requireInteger } from "../require-integer.ts";
import { requireOptions } from "../require-options.ts";

/** Options of `createTokenSplitter`. */
export interface TokenSplitterOptions {
  /** Ids are below it; those beyond are never split. */
  readonly vocabSize: number;
  /** Bytes that an id stands for, or undefined for one that has none or must stay whole, as special tokens do. */
  readonly bytesOf: (id: number) => Uint8Array | undefined;
  /** Ids of a text; adds nothing around it. Asked for the two parts of each token in question. */
  readonly encode: (text: string) => ArrayLike<number>;
  /** Probability that an occurrence of such a token is split, in [0, 1]. Default 0.1. */
  readonly probability?: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
}

/** A token of punctuation and line ends, and what it becomes. */
export interface SplitToken {
  readonly id: number;
  readonly text: string;
  /** Ids of the punctuation or symbols, with the space before them if there is one. */
  readonly punctuation: readonly number[];
  /** Ids of the line ends. */
  readonly newlines: readonly number[];
}

/** What was done so far, in tokens. */
export interface TokenSplitterReport {
  /** Occurrences of tokens that can be split. */
  readonly candidates: number;
  readonly split: number;
}

/** Splits tokens of documents. */
export interface TokenSplitter {
  /** The tokens that can be split, by rising id. */
  readonly tokens: readonly SplitToken[];
  /**
   * Ids of a document with some tokens split; the array itself when none is. `key`: see `documentKey`; the outcome follows
   * from seed, key and ids alone.
   */
  split(ids: Int32Array, key: string): Int32Array;
  report(): TokenSplitterReport;
}

/** As DeepSeek-V3's pre-tokenizer joins them: ` ?[\p{P}\p{S}]+[\r\n]*`. */
const PUNCTUATION_AND_NEWLINES = /^( ?[\p{P}\p{S}]+)([\r\n]+)$/u;

/**
 * A splitter for a vocabulary. For DeepSeek-V3's it finds 799 tokens.
 *
 * Cost: one pass over the vocabulary; then for each document one look at each id, and a random number for each candidate.
 * @throws ConfigError when the ids of a token's parts are none or stand for other bytes than the token, or for an option that is not known; OutOfRangeError for
 * a probability, seed or size that is none.
 */
export function createTokenSplitter(options: TokenSplitterOptions): TokenSplitter {
  validate(options);
  return new Splitter(options);
}

class Splitter implements TokenSplitter {
  readonly tokens: readonly SplitToken[];
  /** [vocabSize] 1 + index of the token's parts, or 0. */
  readonly #table: Int32Array;
  readonly #parts: readonly Int32Array[];
  readonly #longest: number;
  readonly #probability: number;
  readonly #seed: number;
  #candidates = 0;
  #split = 0;

  constructor(options: TokenSplitterOptions) {
    this.tokens = findSplitTokens(options);
    this.#table = new Int32Array(options.vocabSize);
    for (const [index, { id }] of this.tokens.entries()) this.#table[id] = index + 1;
    this.#parts = this.tokens.map(({ punctuation, newlines }) => Int32Array.from([...punctuation, ...newlines]));
    this.#longest = this.#parts.reduce((most, { length }) => Math.max(most, length), 1);
    this.#probability = options.probability ?? 0.1;
    this.#seed = options.seed;
  }

  split(ids: Int32Array, key: string): Int32Array {
    const candidates = this.#count(ids);
    this.#candidates += candidates;
    if (candidates === 0) return ids;
    const out = new Int32Array(ids.length + candidates * (this.#longest - 1));
    const { length, split } = this.#write(ids, key, out);
    this.#split += split;
    return split === 0 ? ids : out.slice(0, length);
  }

  report(): TokenSplitterReport {
    return { candidates: this.#candidates, split: this.#split };
  }

  #count(ids: Int32Array): number {
    let count = 0;
    for (const id of ids) if ((this.#table[id] ?? 0) !== 0) count++;
    return count;
  }

  #write(ids: Int32Array, key: string, out: Int32Array): { readonly length: number; readonly split: number } {
    const random = createKeyedRandom(this.#seed, "split", key);
    let length = 0;
    let split = 0;
    for (const id of ids) {
      const entry = this.#table[id] ?? 0;
      if (entry === 0 || random.nextFloat() >= this.#probability) {
        out[length++] = id;
        continue;
      }
      const parts = this.#parts[entry - 1]!;
      out.set(parts, length);
      length += parts.length;
      split++;
    }
    return { length, split };
  }
}

function findSplitTokens(options: TokenSplitterOptions): SplitToken[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const found: SplitToken[] = [];
  for (let id = 0; id < options.vocabSize; id++) {
    const bytes = options.bytesOf(id);
    const last = bytes?.[bytes.length - 1];
    if (bytes === undefined || (last !== 0x0a && last !== 0x0d)) continue;
    const [text, punctuation, newlines] = PUNCTUATION_AND_NEWLINES.exec(decodeOr(decoder, bytes)) ?? [];
    if (text === undefined) continue;
    const token = {
      id,
      text,
      punctuation: encodePart(punctuation!, options),
      newlines: encodePart(newlines!, options),
    };
    requireSameBytes(token, bytes, options);
    found.push(token);
  }
  return found;
}

/** The text of some bytes; "" when they are not UTF-8, as parts of characters are. */
function decodeOr(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return "";
  }
}

function encodePart(text: string, { encode }: TokenSplitterOptions): number[] {
  return Array.from(encode(text));
}

function requireSameBytes(token: SplitToken, bytes: Uint8Array, { bytesOf }: TokenSplitterOptions): void {
  const parts = [...token.punctuation, ...token.newlines];
  const joined = parts.flatMap((id) => [...(bytesOf(id) ?? [])]);
  if (joined.length === bytes.length && joined.every((byte, i) => byte === bytes[i])) return;
  throw new ConfigError({
    op: "createTokenSplitter",
    operand: `token ${token.id} ${JSON.stringify(token.text)}`,
    expected: `parts that stand for the bytes ${hex(bytes)}`,
    actual: `ids ${JSON.stringify(parts)} of the bytes ${hex(joined)}`,
    hint: "Give an encode that adds nothing to a text and changes nothing in it, and bytesOf of the same vocabulary.",
  });
}

function hex(bytes: ArrayLike<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "(none)";
}

const RULES = { vocabSize: "any", bytesOf: "function", encode: "function", probability: "any", seed: "any" } as const;

function validate(options: TokenSplitterOptions): void {
  const op = "createTokenSplitter";
  requireOptions(op, options, RULES);
  for (const operand of ["bytesOf", "encode"] as const) {
    if (typeof options[operand] === "function") continue;
    throw new ConfigError({ op, operand, expected: "a function", actual: "none" });
  }
  const { vocabSize, probability = 0.1, seed } = options;
  requireInteger(op, "vocabSize", vocabSize, 0, 2 ** 31 - 1);
  requireInteger(op, "seed", seed, 0);
  if (probability >= 0 && probability <= 1) return;
  throw new OutOfRangeError({ op, operand: "probability", expected: "a number in [0, 1]", actual: `${probability}` });
}
