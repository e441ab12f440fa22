import { loadDemoTexts } from "@ds3/cli/demo-texts";
import { type Document, type SplitResult, splitDocuments } from "@ds3/data";
import { readDocuments } from "@ds3/data/node";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";

/**
 * The documents to train on and those kept for validation, chosen by the seed before anything is learned from them.
 * @throws FormatError for files that cannot be read, EmptyDataError when they hold nothing, ConfigError for an unknown
 * column; TextsUnavailableError when the demo texts are neither cached nor to be had.
 */
export async function loadDocuments(
  options: QuickstartOptions,
  { documentStride, validationFraction }: RunPlan,
  terminal: Terminal,
): Promise<SplitResult<Document>> {
  const documents = options.data
    ? await readFiles(options.data, options.column)
    : await loadDemoTexts({ onNotice: terminal.print });
  const used = options.data ? documents : documents.filter((_, index) => index % documentStride === 0);
  const split = splitDocuments(used, { validationFraction, seed: options.seed });
  const megabytes = used.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / 1e6;
  const { train, validation } = split;
  const kept = `${formatCount(train.length)} to train on, ${formatCount(validation.length)} for validation`;
  terminal.print(stageLine("texts", `${megabytes.toFixed(1)} MB; documents: ${kept}`));
  return split;
}

async function readFiles(paths: readonly string[], column: string): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const document of readDocuments(paths, { column, textKey: column })) documents.push(document);
  return documents;
}
