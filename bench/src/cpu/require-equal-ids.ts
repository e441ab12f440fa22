import { MeasurementError } from "./measurement-error.ts";

/** The first place where two tokenizers differ on some texts: text, position, ids; undefined where they agree. */
export function firstDifference(
  ours: readonly ArrayLike<number>[],
  theirs: readonly ArrayLike<number>[],
): { readonly text: number; readonly at: number; readonly ours?: number; readonly theirs?: number } | undefined {
  for (let text = 0; text < Math.max(ours.length, theirs.length); text++) {
    const [a, b] = [ours[text] ?? [], theirs[text] ?? []];
    for (let at = 0; at < Math.max(a.length, b.length); at++) {
      const [mine, other] = [a[at], b[at]];
      if (mine === other) continue;
      return { text, at, ...(mine !== undefined && { ours: mine }), ...(other !== undefined && { theirs: other }) };
    }
  }
  return undefined;
}

/** Speed is compared on equal work alone. @throws MeasurementError naming the first place where ids differ. */
export function requireEqualIds(
  peer: string,
  ours: readonly ArrayLike<number>[],
  theirs: readonly ArrayLike<number>[],
): void {
  const difference = firstDifference(ours, theirs);
  if (difference === undefined) return;
  const { text, at } = difference;
  throw new MeasurementError({
    op: "bench",
    operand: `ids of text ${text} at ${at}`,
    expected: `${difference.theirs ?? "the end"}, as ${peer} has it`,
    actual: String(difference.ours ?? "the end"),
  });
}
