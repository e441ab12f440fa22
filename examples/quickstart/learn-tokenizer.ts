import type { Document } from "@ds3/data";
import { deepseekPresets } from "@ds3/deepseek";
import { type Tokenizer, trainBpe } from "@ds3/tokenizer";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { thinkTokens } from "./post-training/chat-format.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";

/** Trains the tokenizer on the training documents alone. */
export function learnTokenizer(
  documents: readonly Document[],
  { preset }: QuickstartOptions,
  { vocabSize }: RunPlan,
  terminal: Terminal,
): Tokenizer {
  const specialTokens = [...deepseekPresets[preset].specialTokens, ...thinkTokens];
  const tokenizer = trainBpe(
    documents.map(({ text }) => text),
    { vocabSize, specialTokens },
  );
  const special = `${specialTokens.length} of them special`;
  terminal.print(stageLine("tokenizer", `byte-level BPE, ${formatCount(tokenizer.vocabSize)} tokens, ${special}`));
  return tokenizer;
}
