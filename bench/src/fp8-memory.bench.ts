import type { BenchCase, BenchContext } from "./bench-case.ts";
import type { Figure } from "./figure.ts";
import {
  type ComparedModel,
  type ComparedPrecision,
  comparedModels,
  comparedPrecisions,
  createCompared,
} from "./fp8-models.ts";
import { measureMemory } from "./measure-memory.ts";

const CHECKPOINTS = ["none", "block"] as const;

/**
 * Bytes of a training step in each precision: what is live between forward and backward, and the peak of a whole step. They
 * are counted, not timed: the same on every run.
 */
export const fp8MemoryCases: readonly BenchCase[] = comparedModels.flatMap((compared) =>
  CHECKPOINTS.map((checkpoint) => {
    const name = `fp8.memory.${compared.name}.${checkpoint}`;
    const run = async (context: BenchContext): Promise<Figure[]> => {
      const figures: Figure[] = [];
      for (const precision of comparedPrecisions) {
        figures.push(...(await memoryFigures(name, compared, { precision, checkpoint }, context)));
      }
      return [...figures, ...ratiosOf(name, figures)];
    };
    return { name, run };
  }),
);

async function memoryFigures(
  name: string,
  compared: ComparedModel,
  { precision, checkpoint }: { readonly precision: ComparedPrecision; readonly checkpoint: "none" | "block" },
  { gpu }: BenchContext,
): Promise<Figure[]> {
  using _model = gpu.scope(`${name} ${precision}`);
  const { model, batch, optimizer } = createCompared(gpu, compared, precision, checkpoint);
  const { activations, kept, weights, gradients, moments, peak } = await measureMemory(model, batch, optimizer);
  const rest = peak - weights - gradients - moments;
  const common = { unit: "bytes", adapter: gpu.adapter.name, cpuFallbacks: gpu.stats.cpuFallbacks } as const;
  const parts = { weights, gradients, moments, "activations and their gradients": rest };
  return [
    { name: `${name}.activations.${precision}`, value: activations, ...common, parts: kept },
    { name: `${name}.peak.${precision}`, value: peak, ...common, parts },
  ];
}

/** Bytes in FP8 by bytes in f32. */
function ratiosOf(name: string, figures: readonly Figure[]): Figure[] {
  return ["activations", "peak"].map((what) => {
    const [fp8, f32] = ["fp8", "f32"].map((precision) =>
      figures.find((figure) => figure.name === `${name}.${what}.${precision}`),
    ) as [Figure, Figure];
    const note = "bytes by bytes";
    return {
      name: `ratio.${name}.${what}.vs.f32`,
      value: fp8.value / f32.value,
      unit: "ratio",
      adapter: f32.adapter,
      note,
    };
  });
}
