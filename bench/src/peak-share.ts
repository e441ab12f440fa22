import type { Peak } from "@ds3/tensor";
import type { Figure } from "./figure.ts";

/** What some seconds of work did, by the mathematics. */
export interface Work {
  readonly flops?: number;
  readonly bytes?: number;
}

/** Rates of work that took `seconds`, and how close the nearer of both peaks was. */
export function ratesOf(
  { flops, bytes }: Work,
  seconds: number,
  peak: Peak,
): Pick<Figure, "gflops" | "gbps" | "peakShare"> {
  const gflops = flops === undefined ? undefined : flops / seconds / 1e9;
  const gbps = bytes === undefined ? undefined : bytes / seconds / 1e9;
  const shares = [(gflops ?? 0) / peak.gigaflopsPerSecond, (gbps ?? 0) / peak.gigabytesPerSecond];
  return {
    ...(gflops === undefined ? {} : { gflops }),
    ...(gbps === undefined ? {} : { gbps }),
    peakShare: Math.max(...shares),
  };
}
