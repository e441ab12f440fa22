import { ShapeError } from "@ds3/errors";
import type { ReferenceLogProbs } from "./types.ts";

/** @throws ShapeError when reference log-probs are of another number of pairs. */
export function requireReference(op: string, { chosen, rejected }: ReferenceLogProbs, count: number): void {
  if (chosen.length === count && rejected.length === count) return;
  throw new ShapeError({
    op,
    operand: "reference",
    expected: `log-probs of ${count} pairs`,
    actual: `${chosen.length} chosen, ${rejected.length} rejected`,
    hint: "Compute the reference log-probs of these very pairs.",
  });
}
