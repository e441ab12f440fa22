/*
 * A reward model: the language model with a head of one number, trained to give the better reply of a pair the larger one
 * (Bradley-Terry).
 */
import { join } from "node:path";
import { encodePreferences } from "@ds3/align-dpo";
import { bradleyTerryLoss, bradleyTerryModel, createPreferenceRows, type PreferenceRows } from "@ds3/align-grpo";
import { parsePreference } from "@ds3/data";
import type { DeepseekModel } from "@ds3/deepseek";
import {
  cosine,
  holdOut,
  listCounts,
  loadModel,
  optimizerFor,
  readAll,
  type Session,
  saveModel,
} from "@ds3/example-shared";
import type { Gpu } from "@ds3/tensor";
import { evaluate, formatProgress, train } from "@ds3/trainer";
import type { Options } from "./options.ts";

/** Pairs of a batch, and its highest learning rate. */
const [PAIRS, PEAK] = [8, 5e-4];

/** Trains a reward model on pairs of replies, or until the signal, and saves it in `<out>/reward-model`. */
export async function trainRewardModel(
  gpu: Gpu,
  options: Options,
  { print, status, signal }: Session,
): Promise<DeepseekModel> {
  const { rewardModelData: files = [], rewardModelSteps: steps, limit, precision, seed, resume } = options;
  const start = await loadModel(gpu, options.model, { scoreHead: true, precision });
  const { model, tokenizer, template } = start;
  const records = await readAll(files, parsePreference, limit);
  const maxLength = model.config.maxPositionEmbeddings;
  const { pairs, dropped } = encodePreferences(records, tokenizer, template, { maxLength });
  const { train: trained, heldOut } = holdOut(pairs);
  print(`reward model: ${trained.length} pairs, ${heldOut.length} held out; left out: ${listCounts(dropped)}`);

  const packing = { pairsPerBatch: PAIRS, packs: model.packs, seed };
  const heldOutRows = createPreferenceRows(heldOut, packing);
  const heldOutBatches: PreferenceRows[] = [];
  for (let n = 0; n < heldOut.length; n += PAIRS) heldOutBatches.push(await heldOutRows.next());
  const validate = () =>
    evaluate({
      gpu,
      batches: heldOutBatches,
      loss: ({ tokens, rows, pairs }) => bradleyTerryLoss(model.scores(tokens, rows, false), pairs).loss,
      targetCount: ({ pairs }) => pairs.length / 2,
    });
  const folder = join(options.out, "reward-model");
  const { stopped } = await train({
    model: bradleyTerryModel(model),
    batches: createPreferenceRows(trained, packing),
    steps,
    schedule: cosine(PEAK, steps),
    optimizer: optimizerFor(precision),
    validate: { every: Math.ceil(steps / 4), run: validate },
    ...{
      folder,
      resume,
      signal,
      settings: { from: options.model, files, limit: limit ?? null, steps, precision, seed },
    },
    onProgress: (progress) => status(formatProgress(progress)),
    onValidation: ({ step, validationLoss: loss }) =>
      print(`reward model, step ${step}: ${loss.toFixed(3)} nats a held-out pair; a coin has 0.693`),
    onNote: print,
  });
  if (!stopped) await saveModel(join(folder, "model"), start);
  return model;
}
