import type { Document } from "@ds3/data";
import { createLanguageStage } from "@ds3/data/language";
import { readDocuments } from "@ds3/data/node";
import { loadTokenizer } from "@ds3/tokenizer/node";
import { formatBytes, formatCount, formatTable } from "../format.ts";
import { tokenizerPage } from "../html/tokenizer-page.ts";
import type { Terminal } from "../terminal.ts";
import { languageTable, measureTokenizer, type TokenizerFigures } from "../tokenizer-figures.ts";
import { writeText } from "../write-text.ts";

/** Options of `ds3 tokenizer inspect`. */
export interface TokenizerInspectOptions {
  readonly textKey: string;
  /** How many of the longest tokens. */
  readonly top: number;
  /** Take all texts to be in this language, instead of identifying it. */
  readonly language?: string;
  /** Where to write the page. */
  readonly html?: string;
}

/** Tell what a tokenizer is and how it does on files. */
export async function tokenizerInspect(
  tokenizerPath: string,
  paths: readonly string[],
  options: TokenizerInspectOptions,
  terminal: Terminal,
): Promise<void> {
  const tokenizer = await loadTokenizer(tokenizerPath);
  let [documents, bytes] = [0, 0];
  const figures = await measureTokenizer(tokenizer, documentsOf(paths, options), options.top, (length) => {
    documents++;
    bytes += length;
    terminal.status(`encoding: ${formatCount(documents)} documents, ${formatBytes(bytes)}`);
  });
  if (options.html !== undefined) await writeText(options.html, tokenizerPage(figures));
  terminal.document({
    tokenizer: tokenizerPath,
    ...figures,
    ...(options.html === undefined ? {} : { html: options.html }),
  });
  terminal.print(describe(tokenizerPath, figures));
  if (options.html !== undefined) terminal.print(`\n${options.html}`);
}

async function* documentsOf(
  paths: readonly string[],
  { textKey, language }: TokenizerInspectOptions,
): AsyncGenerator<Document> {
  if (paths.length === 0) return;
  const stage = language === undefined ? await createLanguageStage() : undefined;
  for await (const document of readDocuments(paths, { textKey, column: textKey })) {
    yield { ...document, language: language ?? stage!.identify(document.text).language };
  }
}

function describe(
  path: string,
  { vocabSize, model, addedTokens, partialTokens, longest, languages, total }: TokenizerFigures,
): string {
  const lines = [
    `${path}: ${model}, ${formatCount(vocabSize)} tokens, ${formatCount(addedTokens)} of them added, ${formatCount(partialTokens)} part of a character`,
    `longest: ${longest.map(({ text }) => JSON.stringify(text)).join(" ")}`,
  ];
  if (total === undefined) return lines.join("\n");
  const { header, rows } = languageTable([...languages, total]);
  return [...lines, "", formatTable(header, rows)].join("\n");
}
