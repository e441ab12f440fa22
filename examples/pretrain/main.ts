/*
 * Pre-training: text files -> a tokenizer and a small DeepSeek-V3 that goes on with a text, as a model folder.
 */
import { join } from "node:path";
import { type Batch, createBatches, type Document, packDocuments, splitDocuments } from "@ds3/data";
import { createLoader, openShards, readDocuments } from "@ds3/data/node";
import { createDeepseek, deepseekPresets, deepseekV3, type TrainingBatch } from "@ds3/deepseek";
import { cosine, optimizerFor, runTraining, type Session, saveModel } from "@ds3/example-shared";
import { crossEntropy, openGpu } from "@ds3/tensor";
import { deepseekChatTemplate, trainBpe } from "@ds3/tokenizer";
import { loadTokenizer } from "@ds3/tokenizer/node";
import {
  batchSource,
  evaluate,
  formatProgress,
  kernelTableOf,
  readKernelTable,
  rehearseTraining,
  train,
} from "@ds3/trainer";
import { parseOptions } from "./options.ts";

/** Trains a tokenizer, then a model, from random weights. */
export async function pretrain(argv: readonly string[], { print, status, signal }: Session): Promise<void> {
  const options = parseOptions(argv);
  const { out, resume, checkpoint, kernels, ...settings } = options;
  const { data, column, steps, batch, length, learningRate: peak, precision, seed } = settings;
  const optimizer = optimizerFor(precision);

  // Some documents are kept apart before anything is learned, to measure on; beside shards, all of them.
  const shards = settings.shards === undefined ? undefined : await openShards(settings.shards);
  const vocabSize = shards?.index.vocabSize ?? settings.vocabSize;
  const documents: Document[] = [];
  for await (const document of readDocuments(data, { column, textKey: column })) documents.push(document);
  const texts = shards
    ? { train: [], validation: documents }
    : splitDocuments(documents, { validationFraction: 0.05, seed });

  // The driver compiles while the tokenizer learns.
  // A run goes on with the kernels that it began with, unless others are given: then `train` says what differs.
  const own = resume ? await kernelTableOf(out) : undefined;
  await using gpu = await openGpu({ kernelTable: kernels === undefined ? own : await readKernelTable(kernels) });
  const ids = new Int32Array(batch * length);
  const isWeighted = shards?.index.shards.some(({ weighted }) => weighted);
  const weights = isWeighted ? { weights: new Float32Array(batch * length) } : {};
  gpu.rehearse(() => {
    const model = createDeepseek(gpu, deepseekV3(settings.preset, { vocabSize }), { checkpoint, precision });
    rehearseTraining({ model, batch: { inputs: ids, targets: ids, ...weights, batch, length }, optimizer });
  });

  const { specialTokens } = deepseekPresets[settings.preset];
  const ownTexts = texts.train.map((document) => document.text);
  const tokenizer = shards
    ? await loadTokenizer(join(shards.directory, "tokenizer.json"))
    : trainBpe(ownTexts, { vocabSize, specialTokens: [...specialTokens, "<think>", "</think>"] });
  const config = deepseekV3(settings.preset, { vocabSize: shards ? vocabSize : tokenizer.vocabSize });
  const borders = { bosId: config.bosTokenId!, eosId: config.eosTokenId! };
  const pack = (from: readonly Document[]) => packDocuments(from, (one) => tokenizer.encode(one), borders);
  const windows = { batchSize: batch, sequenceLength: length, seed };
  const batches = shards
    ? createLoader({ shards, ...windows })
    : createBatches({ ...(await pack(texts.train)), ...windows });
  const heldOut = [...createBatches({ ...(await pack(texts.validation)), ...windows, epochs: 1 })].slice(0, 16);
  print(`${documents.length} documents, ${tokenizer.vocabSize} tokens in the tokenizer`);

  // Documents may weigh differently in training; what is measured is the mean over tokens.
  // Biases move at ten times the paper's speed: there are few steps.
  const model = createDeepseek(gpu, config, { seed, checkpoint, precision, biasUpdateSpeed: 0.01 });
  const validate = () =>
    evaluate({
      gpu,
      batches: heldOut,
      loss: (one) => crossEntropy(model.head(model.forward({ ...one, batch, length }).normed), one.targets),
      targetCount: ({ targetCount }) => targetCount,
    });
  const { stopped } = await train<TrainingBatch>({
    model,
    batches: batchSource<Batch>(batches, { batch, length }),
    steps,
    schedule: cosine(peak, steps),
    optimizer,
    validate: { every: Math.ceil(steps / 5), run: validate },
    checkpointEvery: Math.ceil(steps / 4),
    ...{ folder: out, resume, settings, signal },
    onProgress: (progress) => status(formatProgress(progress)),
    onValidation: ({ step, validationLoss }) =>
      print(`step ${step}: ${validationLoss.toFixed(3)} nats per held-out token`),
    onNote: print,
  });
  if (stopped) return print("Stopped; the same command with --resume goes on.");
  await saveModel(join(out, "model"), { model, tokenizer, template: { source: deepseekChatTemplate } });
  print(`The model is in ${join(out, "model")}.`);
}

await runTraining(import.meta, pretrain);
