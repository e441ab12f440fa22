import type { Policy } from "@ds3/trainer";
import { requirePairs } from "./pack-pairs.ts";
import { type PairLogProbsOptions, pairLogProbs } from "./pair-log-probs.ts";
import { fingerprintOf, prepareCacheFolder, readReferenceCache, writeReferenceCache } from "./reference-cache.ts";
import type { PreferencePair, ReferenceLogProbs } from "./types.ts";

/** Options of `computeReferenceLogProbs`. */
export interface ReferenceOptions extends PairLogProbsOptions {
  /** A safetensors file that keeps the result; read when it is of these pairs and weights, else written. */
  readonly cache?: string;
  /** Notes for the user: the cache was used, is torn, or is of other pairs or weights. */
  readonly onNote?: (text: string) => void;
}

/**
 * Summed log-probs of all completions under the reference policy: one number each, which is all that any of the losses
 * needs. The reference is the policy as it is at this moment, so call it before training (or give another policy); a run
 * that is resumed calls it before its checkpoint is loaded, as the first one did, and finds the cache.
 *
 * The cache belongs to the SHA-256 of the pairs' ids and of the policy's files (parameters and state such as expert
 * biases). One of others is computed anew and replaced, and so is a torn one; it is written whole or not at all.
 * @throws EmptyDataError for no pairs or a part without tokens; NonFiniteError naming a pair; ReferenceCacheError when
 * the file cannot be read or written.
 */
export async function computeReferenceLogProbs(
  policy: Policy,
  pairs: readonly PreferencePair[],
  options: ReferenceOptions = {},
): Promise<ReferenceLogProbs> {
  const { cache, onNote, ...rest } = options;
  const op = "computeReferenceLogProbs";
  requirePairs(op, pairs);
  if (cache === undefined) return pairLogProbs(op, policy, pairs, rest);
  await prepareCacheFolder(cache);
  const fingerprint = await fingerprintOf(policy, pairs);
  const stored = await readReferenceCache(cache, fingerprint, onNote);
  if (stored) return stored;
  const computed = await pairLogProbs(op, policy, pairs, rest);
  await writeReferenceCache(cache, fingerprint, computed);
  return computed;
}
