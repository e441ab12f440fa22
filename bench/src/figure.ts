/** What a figure's value counts. */
export type FigureUnit =
  | "GFLOP/s"
  | "GB/s"
  | "MB/s"
  | "tokens/s"
  | "pieces/s"
  | "ms"
  | "s"
  | "ratio"
  | "bytes"
  | "count";

/** One measured figure; with `--json` a line. */
export interface Figure {
  /** `what.variant.size`, e.g. `matmul.nn.512`; a peer's ends in `.peer.backend`. */
  readonly name: string;
  readonly value: number;
  readonly unit: FigureUnit;
  /** What it was measured on: the GPU, or for figures without one the processor and Node's version. */
  readonly adapter: string;
  /** 1e9 floating-point operations a second, by the mathematics: what a kernel computes twice counts once. */
  readonly gflops?: number;
  /** 1e9 bytes a second, each operand read or written once. */
  readonly gbps?: number;
  /** 0 to 1: the larger share of the adapter's measured peaks, of products and of plain copies. */
  readonly peakShare?: number;
  /** Training and decoding figures: steps of one window, and its median seconds. */
  readonly steps?: number;
  readonly wallSeconds?: number;
  readonly dispatchesPerStep?: number;
  readonly submitsPerStep?: number;
  /** Distinct compute pipelines. */
  readonly pipelines?: number;
  /** Training figures: the losses before the first updates. */
  readonly firstLosses?: readonly number[];
  /** Bytes and buffers that tensors held: at most, and at the end of a window. */
  readonly peakBytes?: number;
  readonly liveBuffers?: number;
  /** Operations that ran on the CPU instead of the GPU; anything but 0 fails the command. */
  readonly cpuFallbacks?: number;
  /** Figures of bytes: what they are made of. */
  readonly parts?: Readonly<Record<string, number>>;
  /** What a reader has to know beside the numbers. */
  readonly note?: string;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
