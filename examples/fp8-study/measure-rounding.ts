import type { Gpu } from "@ds3/tensor";
import { measureTrained } from "./measure-trained.ts";
import { readTrained } from "./read-trained.ts";
import { scratchRuns } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";

/** Held-out losses of the weights that one seed's f32 run ended with, by what its products read. */
export interface RoundingLosses {
  readonly seed: number;
  readonly f32: number;
  readonly bf16: number;
  readonly fp8: number;
}

/**
 * What rounding alone costs: trained weights evaluated in every precision, without training.
 * @throws StateError when a seed's f32 run is not finished.
 */
export async function measureRounding(
  gpu: Gpu,
  root: string,
  plan: StudyPlan,
  data: StudyData,
  onProgress?: (line: string) => void,
): Promise<RoundingLosses[]> {
  const losses: RoundingLosses[] = [];
  for (const seed of plan.seeds) {
    onProgress?.(`weights of seed ${seed} in f32, bf16 and FP8`);
    const trained = await readTrained(root, scratchRuns(seed, plan)[0]);
    const lossOf = (precision: "f32" | "bf16" | "fp8"): Promise<number> =>
      measureTrained(gpu, trained, { precision }, plan, data);
    losses.push({ seed, f32: await lossOf("f32"), bf16: await lossOf("bf16"), fp8: await lossOf("fp8") });
  }
  return losses;
}
