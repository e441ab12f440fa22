import type { Gpu, Peak } from "@ds3/tensor";
import type { Figure } from "./figure.ts";

/** What every measurement is given. */
export interface BenchContext {
  readonly gpu: Gpu;
  /** Measured once a run, to hold figures against. */
  readonly peak: Peak;
  /** Training steps of one window. */
  readonly steps: number;
}

/** A figure, or several that belong together, that can be asked for by name, and nothing is done for the others. */
export interface BenchCase {
  readonly name: string;
  /** The figures; undefined when what they are measured on is not there. */
  run(context: BenchContext): Promise<Figure | readonly Figure[] | undefined>;
}
