import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { ConfigError } from "@ds3/errors";

/**
 * All files below the folder of data sets: `DS3_DATASETS`, by default `../shared/datasets` beside the repository. None
 * where the variable is unset and the default is absent.
 * @throws ConfigError when the variable names a folder that is missing or empty.
 */
export function listDatasetFiles(root: string): string[] {
  const chosen = process.env.DS3_DATASETS;
  const folder = resolve(root, chosen ?? "../shared/datasets");
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  const files = isFolder ? (readdirSync(folder, { recursive: true }) as string[]).sort() : [];
  if (files.length > 0 || chosen === undefined) return files.map((file) => join(folder, file));
  const hint = "Unset it to measure on what the repository has.";
  throw new ConfigError({ op: "bench", operand: "DS3_DATASETS", expected: "a filled folder", actual: folder, hint });
}

/** The texts of data sets: `text` of each JSON Lines record, and text files whole. Records with ids are test vectors. */
export function* datasetTexts(files: readonly string[]): Generator<string> {
  for (const file of files) {
    if (extname(file) === ".txt") yield readFileSync(file, "utf8");
    if (extname(file) === ".jsonl") yield* textsOfLines(readFileSync(file, "utf8"));
  }
}

/** The `text` of each line that is an object with one and without `ids`. */
export function* textsOfLines(lines: string): Generator<string> {
  for (const line of lines.split("\n")) {
    if (line.trim() === "") continue;
    const { text, ids } = JSON.parse(line) as { readonly text?: unknown; readonly ids?: unknown };
    if (typeof text === "string" && ids === undefined) yield text;
  }
}
