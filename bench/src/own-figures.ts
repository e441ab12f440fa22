import { type Gpu, measurePeak } from "@ds3/tensor";
import { attentionCases } from "./attention.bench.ts";
import type { BenchCase } from "./bench-case.ts";
import { decodeCases } from "./decode.bench.ts";
import type { Figure } from "./figure.ts";
import { fp8LinearCases } from "./fp8-linears.bench.ts";
import { fp8MemoryCases } from "./fp8-memory.bench.ts";
import { fp8ProductCases } from "./fp8-products.bench.ts";
import { fp8QuantizeCases } from "./fp8-quantize.bench.ts";
import { fp8TrainingCases } from "./fp8-train.bench.ts";
import { groupedMatmulCases } from "./grouped-matmul.bench.ts";
import { lossCases } from "./loss.bench.ts";
import { matmulCases } from "./matmul.bench.ts";
import { normCases } from "./norms.bench.ts";
import { optimizerCases } from "./optimizer.bench.ts";
import { trainingCases } from "./train.bench.ts";

/** Every figure of our own, in the order of the table. */
export const ownCases: readonly BenchCase[] = [
  ...matmulCases,
  ...groupedMatmulCases,
  ...attentionCases,
  ...normCases,
  ...lossCases,
  ...optimizerCases,
  ...trainingCases,
  ...decodeCases,
  ...fp8ProductCases,
  ...fp8QuantizeCases,
  ...fp8LinearCases,
  ...fp8TrainingCases,
  ...fp8MemoryCases,
];

/** Which of our own figures to measure, and how. */
export interface OwnFiguresOptions {
  readonly cases: readonly BenchCase[];
  /** Training steps of one window. */
  readonly steps: number;
  /** Gets a line for a figure that cannot be measured here. */
  readonly onNote: (line: string) => void;
}

/** Measures one case after the other; each figure as soon as it is there. */
export async function* benchOwn(gpu: Gpu, { cases, steps, onNote }: OwnFiguresOptions): AsyncGenerator<Figure> {
  const context = { gpu, peak: await measurePeak(gpu), steps };
  const { gigaflopsPerSecond, gigabytesPerSecond } = context.peak;
  onNote(
    `peak: ${gigaflopsPerSecond.toFixed(1)} GFLOP/s of arithmetic, ${gigabytesPerSecond.toFixed(1)} GB/s in copies`,
  );
  for (const { name, run } of cases) {
    const figures = await run(context);
    if (figures) yield* [figures].flat();
    else onNote(`${name}: skipped, no peers' weights (set DS3_PEERS)`);
    // Each figure starts without the memory of the one before.
    await gpu.trim();
  }
}
