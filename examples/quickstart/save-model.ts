import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { DeepseekModel } from "@ds3/deepseek";
import { saveCheckpoint } from "@ds3/deepseek/node";
import type { Tokenizer } from "@ds3/tokenizer";
import { saveTokenizer, saveTokenizerConfig } from "@ds3/tokenizer/node";
import type { ChatFormat } from "./post-training/chat-format.ts";

/** The model as a folder that chat, transformers and others read: weights, config, tokenizer and its chat template. */
export async function saveModel(folder: string, model: DeepseekModel, format: ChatFormat): Promise<void> {
  await saveCheckpoint(model, folder);
  await saveTokenizerIn(folder, format.tokenizer);
  const { bosToken, eosToken } = format;
  const chatTemplate = format.template.source;
  await saveTokenizerConfig(join(folder, "tokenizer_config.json"), { chatTemplate, bosToken, eosToken });
}

/** tokenizer.json in a folder, which is made where it is missing. */
export async function saveTokenizerIn(folder: string, tokenizer: Tokenizer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await saveTokenizer(tokenizer, join(folder, "tokenizer.json"));
}
