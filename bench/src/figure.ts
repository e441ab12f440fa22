/** One measured figure; with `--json` a line. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "GFLOP/s" | "tokens/s";
  readonly adapter: string;
  /** Training and decoding figures. */
  readonly steps?: number;
  readonly wallSeconds?: number;
  readonly dispatchesPerStep?: number;
  readonly submitsPerStep?: number;
  readonly firstLosses?: readonly number[];
  readonly peakBytes?: number;
  readonly cpuFallbacks?: 0;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A table for people: name, value, unit, and what else the figure has. */
export function formatFigures(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  return figures
    .map(({ name, value, unit, steps, wallSeconds, dispatchesPerStep, submitsPerStep, firstLosses }) => {
      const notes = [
        steps === undefined ? "" : `${steps} steps in ${wallSeconds!.toFixed(2)} s`,
        dispatchesPerStep === undefined ? "" : `${dispatchesPerStep} dispatches, ${submitsPerStep} submits a step`,
        firstLosses ? `losses ${firstLosses.map((loss) => loss.toFixed(5)).join(" ")}` : "",
      ].filter(Boolean);
      return `${name.padEnd(width)}  ${value.toFixed(1).padStart(9)} ${unit.padEnd(8)}  ${notes.join("; ")}`.trimEnd();
    })
    .join("\n");
}
