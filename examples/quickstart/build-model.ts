import { countParameters, createDeepseek, type DeepseekModel, deepseekV3 } from "@ds3/deepseek";
import { optimizerFor } from "@ds3/example-shared";
import type { Gpu } from "@ds3/tensor";
import type { Tokenizer } from "@ds3/tokenizer";
import { rehearseTraining } from "@ds3/trainer";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";

/**
 * Differs from the paper: gamma 0.001 moves a bias across the range of affinities in a thousand steps, of which this run
 * has few; ten times that balances the experts within the first hundred.
 */
const BIAS_UPDATE_SPEED = 0.01;

/**
 * Lets the driver compile the kernels of a training step while the text is read and the tokenizer learns, by a model that
 * is thrown away.
 */
export function compileTraining(gpu: Gpu, { preset, precision }: QuickstartOptions, plan: RunPlan): void {
  const { vocabSize, batchSize: batch, sequenceLength: length } = plan;
  const ids = new Int32Array(batch * length);
  gpu.rehearse(() => {
    const model = createDeepseek(gpu, deepseekV3(preset, { vocabSize }), { precision });
    rehearseTraining({
      model,
      batch: { inputs: ids, targets: ids, batch, length },
      optimizer: optimizerFor(precision),
    });
  });
}

/** The preset's model with fresh weights, for a tokenizer of any size. */
export function buildModel(
  gpu: Gpu,
  { preset, precision, seed }: QuickstartOptions,
  { vocabSize }: Tokenizer,
  terminal: Terminal,
): DeepseekModel {
  const config = deepseekV3(preset, { vocabSize });
  const { total, active } = countParameters(config);
  const { numHiddenLayers, numNextnPredictLayers, hiddenSize, nRoutedExperts, numExpertsPerTok } = config;
  const shape = `${numHiddenLayers} layers and ${numNextnPredictLayers} for MTP, width ${hiddenSize}`;
  const experts = `${nRoutedExperts} experts, ${numExpertsPerTok} active`;
  const parameters = `${formatCount(total)} parameters, ${formatCount(active)} active`;
  terminal.print(stageLine("model", `${preset}: ${shape}, ${experts}; ${parameters}`));
  terminal.print(stageLine("adapter", gpu.adapter.name));
  return createDeepseek(gpu, config, { seed, precision, biasUpdateSpeed: BIAS_UPDATE_SPEED });
}

/** What must be the same for a run to be resumed, beside its data; plain JSON. */
export function modelSettings({ preset, precision, seed }: QuickstartOptions, plan: RunPlan): Record<string, unknown> {
  const { steps, batchSize, sequenceLength } = plan;
  return { preset, precision, seed, steps, batchSize, sequenceLength, peakLearningRate: plan.schedule.peak };
}
