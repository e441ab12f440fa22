import { EmptyDataError, type PackRowsOptions, packRows } from "@ds3/data";
import type { TokenRows } from "@ds3/trainer";
import type { PreferencePair } from "./types.ts";

/** How the sequences of pairs become rows. */
export interface PackPairsOptions extends Omit<PackRowsOptions, "separate"> {
  /**
   * The policy's `packs`: several sequences may share a row. Default false: a row each, which every policy understands.
   */
  readonly packs?: boolean;
}

/** P pairs as a policy and `dpoLoss` take them: 2P sequences, each a prompt with one of its completions. */
export interface PairRows {
  /** Tokens of all sequences but the last of each, which predicts nothing. */
  readonly tokens: TokenRows;
  /** [R] places in `tokens` that predict a completion's token, rising. */
  readonly rows: Int32Array;
  /** [R] the tokens that they predict. */
  readonly targets: Int32Array;
  /** [2P + 1] where in `rows` the sequences begin, in the order of their places; and R. */
  readonly starts: Int32Array;
  /** [2P] which of those sequences is the chosen completion of each pair (P), then which the rejected one (P). */
  readonly sequences: Int32Array;
  /** Tokens that are not padding. */
  readonly tokenCount: number;
}

/**
 * Lays pairs out in rows.
 *
 * @throws EmptyDataError naming a pair's prompt or completion without tokens, or for no pairs; OutOfRangeError for a
 * sequence longer than `length`.
 */
export function packPairs(pairs: readonly PreferencePair[], options: PackPairsOptions = {}): PairRows {
  const { packs = false, ...rest } = options;
  requirePairs("packPairs", pairs);
  const slots = [
    ...pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
    ...pairs.map(({ prompt, rejected }) => ({ prompt, completion: rejected })),
  ];
  const inputs = slots.map(({ prompt, completion }) => join(prompt, completion.subarray(0, -1)));
  const tokens = packRows(inputs, { ...rest, separate: !packs });
  const order = [...slots.keys()].sort((a, b) => tokens.starts[a]! - tokens.starts[b]!);
  const R = slots.reduce((sum, { completion }) => sum + completion.length, 0);
  const [rows, targets] = [new Int32Array(R), new Int32Array(R)];
  const starts = new Int32Array(slots.length + 1);
  const sequences = new Int32Array(slots.length);
  for (const [n, slot] of order.entries()) {
    const { prompt, completion } = slots[slot]!;
    const first = tokens.starts[slot]! + prompt.length - 1;
    for (let i = 0; i < completion.length; i++) rows[starts[n]! + i] = first + i;
    targets.set(completion, starts[n]!);
    starts[n + 1] = starts[n]! + completion.length;
    sequences[slot] = n;
  }
  const tokenCount = inputs.reduce((sum, { length }) => sum + length, 0);
  return { tokens, rows, targets, starts, sequences, tokenCount };
}

/** Checks that there are pairs, and tokens in each part of each. @throws EmptyDataError naming the part. */
export function requirePairs(op: string, pairs: readonly PreferencePair[]): void {
  if (pairs.length === 0) throw empty(op, "pairs", "at least one pair");
  for (const [i, pair] of pairs.entries()) {
    for (const part of ["prompt", "chosen", "rejected"] as const) {
      if (pair[part].length === 0) throw empty(op, `pairs[${i}].${part}`, "at least one token");
    }
  }
}

function empty(op: string, operand: string, expected: string): EmptyDataError {
  const hint = "encodePreferences leaves such pairs out and counts them.";
  return new EmptyDataError({ op, operand, expected, actual: "none", hint });
}

function join(a: Int32Array, b: Int32Array): Int32Array {
  const joined = new Int32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
