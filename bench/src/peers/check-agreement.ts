import type { Measurement } from "./messages.ts";

/** How far losses and products of two libraries may be apart, absolutely. */
export const AGREEMENT = 1e-4;

/**
 * Where `theirs` computes something else than ours: the peer, the step and both values in a sentence; undefined when the
 * results agree to `AGREEMENT`.
 */
export function findDisagreement(label: string, ours: Measurement, theirs: Measurement): string | undefined {
  const place = ours.unit === "tokens/s" ? "loss of step" : "element";
  if (theirs.results.length !== ours.results.length) {
    return `${theirs.name}.${label}: ${theirs.results.length} results, ds3 has ${ours.results.length}`;
  }
  const at = theirs.results.findIndex((value, i) => !(Math.abs(value - ours.results[i]!) <= AGREEMENT));
  if (at < 0) return undefined;
  return `${theirs.name}.${label}: ${place} ${at + 1} is ${theirs.results[at]}, ds3's ${ours.results[at]}`;
}
