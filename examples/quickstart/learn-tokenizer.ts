import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Document } from "@ds3/data";
import { deepseekPresets } from "@ds3/deepseek";
import { type Tokenizer, trainBpe } from "@ds3/tokenizer";
import { saveTokenizer } from "@ds3/tokenizer/node";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";

/** Trains the tokenizer on the training documents alone, and leaves it as tokenizer.json in the run's folder. */
export async function learnTokenizer(
  documents: readonly Document[],
  { preset, out }: QuickstartOptions,
  { vocabSize }: RunPlan,
  terminal: Terminal,
): Promise<Tokenizer> {
  const { specialTokens } = deepseekPresets[preset];
  const tokenizer = trainBpe(
    documents.map(({ text }) => text),
    { vocabSize, specialTokens },
  );
  await mkdir(out, { recursive: true });
  await saveTokenizer(tokenizer, join(out, "tokenizer.json"));
  const special = `${specialTokens.length} of them special`;
  terminal.print(stageLine("tokenizer", `byte-level BPE, ${formatCount(tokenizer.vocabSize)} tokens, ${special}`));
  return tokenizer;
}
