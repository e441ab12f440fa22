import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type ReadOptions, readDocuments } from "@ds3/data/node";
import { saveTokenizer } from "@ds3/tokenizer/node";
import { formatBytes, formatCount, formatSeconds } from "../format.ts";
import type { Terminal } from "../terminal.ts";
import { type TrainChoices, trainTokenizer } from "../train-tokenizer.ts";

/** Options of `ds3 tokenizer train`. */
export interface TokenizerTrainOptions extends TrainChoices {
  readonly out: string;
  /** The key or column that holds the text. */
  readonly textKey: string;
}

/** Train a tokenizer on files and write it. */
export async function tokenizerTrain(
  paths: readonly string[],
  { out, textKey, ...choices }: TokenizerTrainOptions,
  terminal: Terminal,
): Promise<void> {
  const trained = await trainTokenizer(textsOf(paths, { textKey, column: textKey }), choices, terminal);
  await mkdir(dirname(resolve(out)), { recursive: true });
  await saveTokenizer(trained.tokenizer, out);
  const { documents, bytes, seconds } = trained;
  const { vocabSize } = trained.tokenizer;
  terminal.document({ out, vocabSize, documents, bytes, seconds });
  const text = `${formatCount(documents)} documents, ${formatBytes(bytes)}, in ${formatSeconds(seconds)}`;
  terminal.print(`${out}: ${formatCount(vocabSize)} tokens from ${text}`);
  if (vocabSize < choices.vocabSize) {
    terminal.note(
      `The texts give no more than ${formatCount(vocabSize)} tokens; ${formatCount(choices.vocabSize)} were asked for.`,
    );
  }
}

async function* textsOf(paths: readonly string[], options: ReadOptions): AsyncGenerator<string> {
  for await (const { text } of readDocuments(paths, options)) yield text;
}
