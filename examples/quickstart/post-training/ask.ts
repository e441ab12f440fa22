import { type DeepseekModel, type GeneratedSequence, generate } from "@ds3/deepseek";
import { encodePrompt } from "@ds3/tokenizer";
import { type ChatFormat, replyText } from "./chat-format.ts";

/** How replies are drawn; temperature 0 takes the most likely token. */
export interface AskOptions {
  readonly maxNewTokens: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly samplesPerPrompt?: number;
}

/** A reply to one of the questions. */
export interface Reply {
  /** Index of the question. */
  readonly prompt: number;
  readonly text: string;
}

/** Replies to questions, by question and then by sample. */
export async function ask(
  model: DeepseekModel,
  format: ChatFormat,
  questions: readonly string[],
  options: AskOptions,
): Promise<Reply[]> {
  const prompts = questions.map((content) =>
    encodePrompt(format.tokenizer, format.template, [{ role: "user", content }]),
  );
  const sequences = await generate(model, prompts, { ...options, stopTokens: [format.endId] });
  return sequences.map(({ prompt, tokens }: GeneratedSequence) => ({ prompt, text: replyText(format, tokens) }));
}
