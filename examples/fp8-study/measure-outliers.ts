import type { Gpu } from "@ds3/tensor";
import { measureTrained } from "./measure-trained.ts";
import { readTrained } from "./read-trained.ts";
import type { StudyRun } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";

/** Factors of planted outliers. */
const FACTORS = [0, 4, 8, 10, 12, 14, 16, 18].map((exponent) => 2 ** exponent);

/** Batches of held-out text that each factor is measured on. */
const BATCHES = 16;

/** The held-out loss of one set of trained weights in f32, and in FP8 with outliers in the activations. */
export interface PlantedLosses {
  /** Steps that the weights were trained for, in f32. */
  readonly step: number;
  /** In f32, where outliers change nothing. */
  readonly f32: number;
  readonly losses: readonly { readonly factor: number; readonly tile: number; readonly tensor: number }[];
}

/** Choices of `measurePlanted`. */
export interface PlantedOptions {
  readonly onProgress?: (line: string) => void;
  /** Powers of two. Default: those of the study. */
  readonly factors?: readonly number[];
}

/**
 * Measures a trained f32 run, without training, in FP8 with one scale a tile and with one scale a tensor.
 * @throws StateError when the run is not finished.
 */
export async function measurePlanted(
  gpu: Gpu,
  root: string,
  run: StudyRun,
  plan: StudyPlan,
  data: StudyData,
  { onProgress, factors = FACTORS }: PlantedOptions,
): Promise<PlantedLosses> {
  const trained = await readTrained(root, run);
  const measured = { ...data, heldOut: data.heldOut.slice(0, BATCHES) };
  const lossOf = (variant: StudyRun["variant"] & object): Promise<number> =>
    measureTrained(gpu, trained, { precision: "fp8", variant }, plan, measured);
  const f32 = await measureTrained(gpu, trained, { precision: "f32" }, plan, measured);
  const losses: PlantedLosses["losses"][number][] = [];
  for (const factor of factors) {
    onProgress?.(`planted outliers, factor ${factor}`);
    const [tile, tensor] = [
      await lossOf({ scaling: "tile", outliers: factor }),
      await lossOf({ scaling: "tensor", outliers: factor }),
    ];
    losses.push({ factor, tile, tensor });
  }
  return { step: trained.step, f32, losses };
}
