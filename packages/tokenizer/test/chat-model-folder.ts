/**
 * A model's folder as ds3 writes it, with the default chat template: tests compare it with what transformers made of it.
 *
 *     npx tsx -C @ds3/source packages/tokenizer/test/chat-model-folder.ts <folder>
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deepseekChatTemplate } from "../src/chat/deepseek-chat-template.ts";
import { saveTokenizer } from "../src/files/save-tokenizer.ts";
import { saveTokenizerConfig } from "../src/files/save-tokenizer-config.ts";
import type { Tokenizer } from "../src/tokenizer.ts";
import type { TokenizerConfig } from "../src/tokenizer-config.ts";
import { trainBpe } from "../src/train-bpe.ts";

const fixtures = resolve(dirname(fileURLToPath(import.meta.url)), "../fixtures");

export const chatFixtures: string = join(fixtures, "chat");

export const chatConfig: TokenizerConfig = {
  bosToken: "<｜begin▁of▁sentence｜>",
  eosToken: "<｜end▁of▁sentence｜>",
  chatTemplate: deepseekChatTemplate,
  modelMaxLength: 4096,
};

/** A small tokenizer that knows the tokens of all templates in the fixtures. */
export function trainChatTokenizer(): Tokenizer {
  const { bosToken, eosToken } = chatConfig;
  const specialTokens = [
    bosToken!,
    eosToken!,
    "<｜User｜>",
    "<｜Assistant｜>",
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
  ];
  const corpus = readFileSync(join(fixtures, "corpus.txt"), "utf8");
  return trainBpe([corpus], { vocabSize: 480, specialTokens, preTokenizer: "deepseek-v3" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? ".";
  mkdirSync(folder, { recursive: true });
  await saveTokenizer(trainChatTokenizer(), join(folder, "tokenizer.json"));
  await saveTokenizerConfig(join(folder, "tokenizer_config.json"), chatConfig);
  writeFileSync(join(chatFixtures, "deepseek.jinja"), deepseekChatTemplate);
}
