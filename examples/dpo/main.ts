/*
 * Direct preference optimisation: a model folder and pairs of replies -> a model folder that prefers the better ones.
 */
import { join } from "node:path";
import {
  computeReferenceLogProbs,
  createPreferenceBatches,
  dpoModel,
  encodePreferences,
  preferenceAccuracy,
} from "@ds3/align-dpo";
import { parsePreference } from "@ds3/data";
import {
  assertOtherFolder,
  cosine,
  holdOut,
  listCounts,
  loadModel,
  optimizerFor,
  readAll,
  runTraining,
  type Session,
  saveModel,
} from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { formatProgress, train } from "@ds3/trainer";
import { parseOptions } from "./options.ts";

/** Trains on the better and the worse reply of each pair; measured on every tenth pair, which is not trained on. */
export async function dpo(argv: readonly string[], { print, status, signal }: Session): Promise<void> {
  const options = parseOptions(argv);
  const { out, resume, ...settings } = options;
  const { loss, beta, labelSmoothing, nllWeight, steps, batch, length, learningRate: peak, precision, seed } = settings;
  assertOtherFolder(options.model, join(out, "model"));
  await using gpu = await openGpu();
  const start = await loadModel(gpu, options.model, { precision });
  const { model, tokenizer, template } = start;

  const records = await readAll(options.data, parsePreference, options.limit);
  const { pairs, dropped } = encodePreferences(records, tokenizer, template, {
    maxLength: length ?? model.config.maxPositionEmbeddings,
  });
  const { train: trained, heldOut } = holdOut(pairs);
  print(`${trained.length} pairs, ${heldOut.length} held out; left out: ${listCounts(dropped)}`);
  const measure = async (when: string): Promise<void> => {
    const { accuracy, n } = await preferenceAccuracy(model, heldOut);
    print(`${when}: the better reply is the likelier one in ${(100 * accuracy).toFixed(1)}% of ${n} held-out pairs`);
  };
  await measure("before");
  const heldOutReference = await computeReferenceLogProbs(model, heldOut);

  // What the model said of every pair before it learned: the reference that it is held to.
  const reference = await computeReferenceLogProbs(model, trained, {
    cache: join(out, `reference-${precision}.safetensors`),
    onNote: print,
    onProgress: (done, of) => status(`reference ${done}/${of}`),
  });
  const { stopped } = await train({
    model: dpoModel(model, { loss, beta, labelSmoothing, nllWeight }),
    batches: createPreferenceBatches(trained, { batch, reference, seed, packs: model.packs }),
    steps,
    schedule: cosine(peak, steps),
    optimizer: optimizerFor(precision),
    checkpointEvery: Math.ceil(steps / 4),
    ...{ folder: out, resume, settings, signal },
    onStep: ({ step, terms: { margin, accuracy } }) =>
      print(`step ${step}: margin ${margin!.toFixed(3)}, ${(100 * accuracy!).toFixed(0)}% of the batch in order`),
    onProgress: (progress) => status(formatProgress(progress)),
    onNote: print,
  });
  if (stopped) return print("Stopped; the same command with --resume goes on.");
  await measure("after");
  const gained = await preferenceAccuracy(model, heldOut, { by: "sequence", reference: heldOutReference });
  print(`since the start: the better reply gained on the worse one in ${(100 * gained.accuracy).toFixed(1)}% of them`);
  await saveModel(join(out, "model"), start);
  print(`The model is in ${join(out, "model")}.`);
}

await runTraining(import.meta, dpo);
