import { type Tokenizer, type TrainProgress, trainBpe, trainFromOld, trainWordPiece } from "@ds3/tokenizer";
import { loadTokenizer } from "@ds3/tokenizer/node";
import { deepseekTokens } from "./corpus-encoder.ts";
import { formatBytes, formatCount } from "./format.ts";
import { spoolTexts } from "./spool-texts.ts";
import type { Terminal } from "./terminal.ts";

/** How a tokenizer is trained. */
export interface TrainChoices {
  readonly vocabSize: number;
  /** Default "bpe". */
  readonly model?: "bpe" | "wordpiece";
  /** Default "deepseek-v3". */
  readonly preTokenizer?: "gpt2" | "deepseek-v3";
  /** Default: DeepSeek-V3's for BPE, BERT's for WordPiece. */
  readonly specialTokens?: readonly string[];
  readonly minFrequency?: number;
  /** Path of a tokenizer.json whose pipeline is kept. */
  readonly from?: string;
}

/** A trained tokenizer, and what it has read. */
export interface Trained {
  readonly tokenizer: Tokenizer;
  readonly documents: number;
  readonly bytes: number;
  /** Of training alone, without reading. */
  readonly seconds: number;
}

/** Train a tokenizer on texts. Memory grows with the distinct words, not with the texts. @throws as the trainers. */
export async function trainTokenizer(
  texts: AsyncIterable<string>,
  choices: TrainChoices,
  terminal: Terminal,
): Promise<Trained> {
  const old = choices.from === undefined ? undefined : await loadTokenizer(choices.from);
  using spooled = await spoolTexts(texts, (count, bytes) => {
    terminal.status(`reading: ${formatCount(count)} texts, ${formatBytes(bytes)}`);
  });
  const { count, bytes } = spooled;
  const start = performance.now();
  const tokenizer = train(spooled, choices, old, (progress) => terminal.status(progressLine(progress, count)));
  return { tokenizer, documents: count, bytes, seconds: (performance.now() - start) / 1000 };
}

function train(
  texts: Iterable<string>,
  { vocabSize, model, preTokenizer, specialTokens, minFrequency }: TrainChoices,
  old: Tokenizer | undefined,
  onProgress: (progress: TrainProgress) => void,
): Tokenizer {
  const options = { vocabSize, onProgress, ...(minFrequency !== undefined && { minFrequency }) };
  const special = specialTokens === undefined ? {} : { specialTokens };
  if (old !== undefined) return trainFromOld(old, texts, { ...options, ...special });
  if (model === "wordpiece") return trainWordPiece(texts, { ...options, ...special });
  const cut = preTokenizer === undefined ? {} : { preTokenizer };
  return trainBpe(texts, { ...options, specialTokens: deepseekTokens, ...special, ...cut });
}

function progressLine(progress: TrainProgress, count: number): string {
  if (progress.stage === "count")
    return `counting words: ${formatCount(progress.texts)} of ${formatCount(count)} texts`;
  return `merging: ${formatCount(progress.tokens)} of ${formatCount(progress.vocabSize)} tokens`;
}
