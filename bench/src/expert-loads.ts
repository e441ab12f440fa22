/** How rows are spread over experts. */
export type LoadKind = "balanced" | "skewed";

/**
 * Rows of each of E experts, `rows` in all. Balanced: as equal as they can be. Skewed: one expert in the middle gets none,
 * the others by Zipf's law, 1 to 1/2 to 1/3 and so on, as routers do before they are balanced.
 */
export function expertLoads(kind: LoadKind, rows: number, E: number): number[] {
  const empty = E >> 1;
  const weights = Array.from({ length: E }, (_, e) => {
    if (kind === "balanced") return 1;
    return e === empty ? 0 : 1 / (e < empty ? e + 1 : e);
  });
  return shares(weights, rows);
}

/** Whole numbers in proportion to weights, with the given sum: the rounded ends of neighbouring intervals. */
function shares(weights: readonly number[], sum: number): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  let [before, end] = [0, 0];
  return weights.map((weight) => {
    before += weight;
    const next = Math.round((sum * before) / total);
    const share = next - end;
    end = next;
    return share;
  });
}

/** Where each expert's rows start, and the end of the last: u32 [E + 1]. */
export function offsetsOf(loads: readonly number[]): Uint32Array {
  const offsets = new Uint32Array(loads.length + 1);
  for (const [e, load] of loads.entries()) offsets[e + 1] = offsets[e]! + load;
  return offsets;
}
