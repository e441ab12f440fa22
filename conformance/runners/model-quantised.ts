import { createDeepseek, type DeepseekModel, loadModelFiles, parameterMap, saveModelFiles } from "@ds3/deepseek";
import { bf16ToF32, f32ToBf16 } from "@ds3/tensor/safetensors";
import type { Fixture } from "@ds3/testing/fixtures";
import type { Results } from "../topic.ts";

const WEIGHT = "dequant.";
const ROUNDED = "logits_bf16_weights";

/**
 * What a fixture expects of a checkpoint in FP8: weights as loaded and once more after they were saved in FP8, and logits
 * with all weights rounded to bf16, which those that are not quantised are already.
 */
export async function addQuantised(results: Results, model: DeepseekModel, fixture: Fixture): Promise<void> {
  const weights = fixture.names.filter((name) => name.startsWith(WEIGHT));
  if (weights.length > 0) {
    addWeights(results, model, weights, "loadCheckpoint");
    const again = createDeepseek(model.gpu, model.config);
    loadModelFiles(again, await saveModelFiles(model, { format: "fp8" }));
    addWeights(results, again, weights, "saved in FP8 and loaded");
  }
  if (fixture.names.includes(ROUNDED)) await addRounded(results, model, fixture);
}

function addWeights(results: Results, model: DeepseekModel, names: readonly string[], via: string): void {
  const places = new Map(parameterMap(model.config).map((place) => [place.name, place]));
  for (const name of names) {
    const place = places.get(name.slice(WEIGHT.length));
    if (!place) continue;
    const { parameter, offset, shape } = place;
    const whole = (model.state.get(parameter) ?? model.arena.get(parameter)).data();
    const size = shape.reduce((a, b) => a * b, 1);
    results.add(
      name,
      via,
      whole.then((data) => data.subarray(offset, offset + size)),
    );
  }
}

/** Rounds the model's own weights: it is the last that is computed with it. */
async function addRounded(results: Results, model: DeepseekModel, fixture: Fixture): Promise<void> {
  const { gpu } = model;
  for (const parameter of model.arena.parameters.values()) {
    gpu.write(parameter, bf16ToF32(f32ToBf16(await parameter.data())));
  }
  const [batch, length] = fixture.tensor("input_ids").shape as [number, number];
  const inputs = fixture.i32("input_ids");
  const logits = gpu.noGrad(() => model.head(model.forward({ inputs, batch, length }).normed));
  results.add(ROUNDED, "forward, weights rounded", logits.data());
}
