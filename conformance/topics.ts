import { runAlign } from "./runners/align.ts";
import { runFp8 } from "./runners/fp8.ts";
import { runMla } from "./runners/mla.ts";
import { runModel } from "./runners/model.ts";
import { runMoe } from "./runners/moe.ts";
import { runMtp } from "./runners/mtp.ts";
import { runOptim } from "./runners/optim.ts";
import { type DatasetsFolder, tokenizerTopic } from "./runners/tokenizer.ts";
import { runTrainParity } from "./runners/train-parity.ts";
import type { Topic } from "./topic.ts";

/** Every topic that a folder of fixtures may hold: how it is run, or why it is not. */
export const topicsWith = (datasets: DatasetsFolder): Readonly<Record<string, Topic>> => ({
  model: runModel,
  mla: runMla,
  moe: runMoe,
  mtp: runMtp,
  optim: runOptim,
  train_parity: runTrainParity,
  align: runAlign,
  fp8: runFp8,
  tokenizer: tokenizerTopic(datasets),
});
