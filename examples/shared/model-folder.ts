/*
 * A model folder in Hugging Face's layout: config.json, model.safetensors, tokenizer.json, and tokenizer_config.json with
 * the chat template. Each stage reads one and leaves one.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DeepseekModel, DeepseekOptions } from "@ds3/deepseek";
import { loadCheckpoint, saveCheckpoint } from "@ds3/deepseek/node";
import { FormatError } from "@ds3/errors";
import type { Gpu } from "@ds3/tensor";
import type { ChatTemplate, Tokenizer } from "@ds3/tokenizer";
import { loadChatTemplate, loadTokenizer, saveTokenizer, saveTokenizerConfig } from "@ds3/tokenizer/node";

/** A model with what turns text into its ids, as it is saved. */
export interface SavedModel {
  readonly model: DeepseekModel;
  readonly tokenizer: Tokenizer;
  readonly template: Pick<ChatTemplate, "source">;
}

/** A model folder that was loaded. */
export interface LanguageFolder extends SavedModel {
  readonly template: ChatTemplate;
  /** What ends a reply: the end token, where the config names one. */
  readonly stopTokens: readonly number[];
}

const PRETRAIN = "Make one first: npx --yes pnpm@12 -C examples/pretrain start --data my.txt";

/**
 * Loads a model folder. When it is trained on, the biases that balance its experts stay as pre-training left them, unless
 * `biasUpdateSpeed` is given.
 * @throws FormatError when it is missing, with `hint`; what loadCheckpoint, loadTokenizer and loadChatTemplate throw.
 */
export async function loadModel(
  gpu: Gpu,
  folder: string,
  { hint = PRETRAIN, ...options }: DeepseekOptions & { readonly hint?: string } = {},
): Promise<LanguageFolder> {
  if (!existsSync(join(folder, "config.json"))) {
    const expected = "a folder with config.json, model.safetensors and tokenizer.json";
    const actual = existsSync(folder) ? "no config.json" : "no such folder";
    throw new FormatError({ op: "loadModel", operand: folder, expected, actual, hint });
  }
  const tokenizer = await loadTokenizer(join(folder, "tokenizer.json"));
  const template = await loadChatTemplate(folder);
  const model = await loadCheckpoint(gpu, folder, { biasUpdateSpeed: 0, ...options });
  const { eosTokenId } = model.config;
  return { model, tokenizer, template, stopTokens: eosTokenId === null ? [] : [eosTokenId] };
}

/** Writes a model folder that `loadModel`, the chat and transformers read; an existing one is replaced. */
export async function saveModel(folder: string, { model, tokenizer, template }: SavedModel): Promise<void> {
  await saveCheckpoint(model, folder);
  await saveTokenizer(tokenizer, join(folder, "tokenizer.json"));
  const tokenOf = (id: number | null): string | undefined => (id === null ? undefined : tokenizer.tokenOf(id));
  const { bosTokenId, eosTokenId, maxPositionEmbeddings: modelMaxLength } = model.config;
  const tokens = { bosToken: tokenOf(bosTokenId), eosToken: tokenOf(eosTokenId) };
  const config = { ...tokens, chatTemplate: template.source, modelMaxLength };
  await saveTokenizerConfig(join(folder, "tokenizer_config.json"), config);
}
