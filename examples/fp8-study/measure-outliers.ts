import { join } from "node:path";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { FormatError } from "@ds3/errors";
import { openGpu } from "@ds3/tensor";
import { readNewestCheckpoint } from "@ds3/trainer";
import { linearsOf } from "./build-model.ts";
import { folderOf, type StudyRun } from "./runs.ts";
import { type StudyPlan, studyConfig } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";
import { measureHeldOut } from "./train-run.ts";

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
 * @throws FormatError when the run has no checkpoint.
 */
export async function measurePlanted(
  root: string,
  run: StudyRun,
  plan: StudyPlan,
  data: StudyData,
  { onProgress, factors = FACTORS }: PlantedOptions,
): Promise<PlantedLosses> {
  const folder = join(folderOf(root, run), "checkpoints");
  const newest = await readNewestCheckpoint(folder);
  if (newest === undefined) {
    const hint = "Run the pairs first: --part pairs.";
    throw new FormatError({ op: "fp8-study", operand: folder, expected: "a checkpoint", actual: "none", hint });
  }
  const measured = { ...data, heldOut: data.heldOut.slice(0, BATCHES) };
  await using gpu = await openGpu();
  const lossOf = async (variant: StudyRun["variant"]): Promise<number> => {
    using _model = gpu.scope("model");
    const linears = variant ? linearsOf(gpu, { precision: "fp8", variant }, studyConfig(data.vocabSize)) : {};
    const model = await loadCheckpoint(gpu, newest.folder, linears);
    return (await measureHeldOut(model, plan, measured)).validationLoss;
  };
  const f32 = await lossOf(undefined);
  const losses: PlantedLosses["losses"][number][] = [];
  for (const factor of factors) {
    onProgress?.(`planted outliers, factor ${factor}`);
    const [tile, tensor] = [
      await lossOf({ scaling: "tile", outliers: factor }),
      await lossOf({ scaling: "tensor", outliers: factor }),
    ];
    losses.push({ factor, tile, tensor });
  }
  return { step: newest.step, f32, losses };
}
