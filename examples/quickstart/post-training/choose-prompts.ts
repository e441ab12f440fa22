import type { Document } from "@ds3/data";
import { question, type Sum } from "./arithmetic.ts";
import { textExchanges } from "./text-tasks.ts";

/** Questions that no stage trains on, to show replies before and after: two sums, and two about held-out documents. */
export function choosePrompts(heldOut: readonly Sum[], validation: readonly Document[], seed: number): string[] {
  const sums = heldOut.slice(0, 2).map((sum, i) => question(sum, 2 * i));
  return [...sums, ...textExchanges(validation, 2, seed).map(({ user }) => user)];
}
