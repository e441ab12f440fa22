import { tokenLogProbs } from "@ds3/tensor";
import { NonFiniteError, type Policy } from "@ds3/trainer";
import { requireBatch } from "./create-preference-batches.ts";
import { type PairRows, packPairs, requirePairs } from "./pack-pairs.ts";
import { sumSequences } from "./sum-sequences.ts";
import type { PreferencePair, ReferenceLogProbs } from "./types.ts";

/** How a forward-only pass over pairs goes. */
export interface PairLogProbsOptions {
  /** Pairs that are computed at a time. Default 8. */
  readonly batch?: number;
  /** Called after each batch with the pairs that are done, and all. */
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Summed log-prob of every pair's completions under a policy, forward only, with expert loads left alone. The GPU has a
 * batch queued while the one before is read; all memory is given back.
 *
 * @throws NonFiniteError naming the first pair whose log-prob is NaN or infinite; EmptyDataError as `packPairs`;
 * OutOfRangeError for `batch`.
 */
export async function pairLogProbs(
  op: string,
  policy: Policy,
  pairs: readonly PreferencePair[],
  { batch = 8, onProgress }: PairLogProbsOptions = {},
): Promise<ReferenceLogProbs> {
  requireBatch(op, batch);
  requirePairs(op, pairs);
  const all = { chosen: new Float32Array(pairs.length), rejected: new Float32Array(pairs.length) };
  let finish = async (): Promise<void> => {};
  for (let from = 0; from < pairs.length; from += batch) {
    const rows = packPairs(pairs.slice(from, from + batch), { packs: policy.packs ?? false });
    const reading = encode(policy, rows);
    await finish();
    finish = async () => {
      place(op, all, from, rows.sequences, await reading);
      onProgress?.(Math.min(from + batch, pairs.length), pairs.length);
    };
  }
  await finish();
  return all;
}

/** Starts reading a batch's sums. The scope opens and closes without an await in between: it cannot meet another task's. */
function encode(policy: Policy, { tokens, rows, targets, starts }: PairRows): Promise<Float32Array> {
  const { gpu } = policy;
  using _scope = gpu.scope("pair log-probs");
  const reading = gpu
    .noGrad(() => sumSequences(tokenLogProbs(policy.logits(tokens, rows, false), targets), starts))
    .data();
  // Read a batch late: a rejection before that is not unhandled.
  reading.catch(() => {});
  return reading;
}

function place(op: string, all: ReferenceLogProbs, from: number, sequences: Int32Array, sums: Float32Array): void {
  const P = sequences.length / 2;
  for (let p = 0; p < P; p++) {
    const [chosen, rejected] = [sums[sequences[p]!]!, sums[sequences[P + p]!]!];
    if (!Number.isFinite(chosen) || !Number.isFinite(rejected)) {
      const actual = `chosen ${chosen}, rejected ${rejected}`;
      throw new NonFiniteError({ op, operand: `pairs[${from + p}]`, expected: "finite log-probs", actual });
    }
    all.chosen[from + p] = chosen;
    all.rejected[from + p] = rejected;
  }
}
