import { packRows } from "@ds3/data";
import type { TokenRows } from "@ds3/trainer";

/** A prompt with one of its completions. */
export interface PromptCompletion {
  readonly prompt: Int32Array;
  readonly completion: Int32Array;
}

/** Completions as a policy takes them, and `grpoLoss`. */
export interface CompletionRows {
  /** Tokens of all sequences but the last of each, which predicts nothing. No rows when no completion has tokens. */
  readonly tokens: TokenRows;
  /** [R] places in `tokens` that predict a completion's token, rising. */
  readonly rows: Int32Array;
  /** [R] the tokens that they predict. */
  readonly targets: Int32Array;
  /** [N + 1] where in `rows` the completions begin, in the order of their places; and R. */
  readonly starts: Int32Array;
  /** [N] which of the given completions is at each of those places. */
  readonly order: readonly number[];
}

/**
 * Lays completions with their prompts out in rows, several sequences a row when `packs`. Completions without tokens take no
 * place and come last.
 *
 * @throws EmptyDataError for a prompt without tokens.
 */
export function packCompletions(sequences: readonly PromptCompletion[], packs: boolean): CompletionRows {
  const filled = sequences.flatMap(({ completion }, i) => (completion.length > 0 ? [i] : []));
  const inputs = filled.map((i) => join(sequences[i]!.prompt, sequences[i]!.completion.subarray(0, -1)));
  const packed = inputs.length > 0 ? packRows(inputs, { separate: !packs }) : NO_ROWS;
  const placed = [...filled.keys()].sort((a, b) => packed.starts[a]! - packed.starts[b]!);
  const empty = sequences.flatMap(({ completion }, i) => (completion.length === 0 ? [i] : []));
  const R = filled.reduce((sum, i) => sum + sequences[i]!.completion.length, 0);
  const [rows, targets] = [new Int32Array(R), new Int32Array(R)];
  const starts = new Int32Array(sequences.length + 1).fill(R);
  let at = 0;
  for (const [n, place] of placed.entries()) {
    const { prompt, completion } = sequences[filled[place]!]!;
    const first = packed.starts[place]! + prompt.length - 1;
    starts[n] = at;
    targets.set(completion, at);
    for (let i = 0; i < completion.length; i++) rows[at++] = first + i;
  }
  const { starts: _, ...tokens } = packed;
  return { tokens, rows, targets, starts, order: [...placed.map((place) => filled[place]!), ...empty] };
}

const NONE = new Int32Array();
const NO_ROWS = { inputs: NONE, positions: NONE, documentIds: NONE, batch: 0, length: 0, starts: NONE };

/** One sequence of both. */
export function join(a: Int32Array, b: Int32Array): Int32Array {
  const joined = new Int32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
