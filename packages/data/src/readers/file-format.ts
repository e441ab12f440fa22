import { extname } from "node:path";

/** A format that documents are read from. */
export type DocumentFormat = "text" | "jsonl" | "csv" | "tsv" | "parquet";

const COMPRESSIONS: Readonly<Record<string, "gzip" | "zstd">> = { ".gz": "gzip", ".zst": "zstd" };

/** The compression that a file's name promises. */
export function compressionByName(path: string): "gzip" | "zstd" | undefined {
  const extension = extname(path).toLowerCase();
  return Object.hasOwn(COMPRESSIONS, extension) ? COMPRESSIONS[extension] : undefined;
}

/** The extension that tells a file's format, in lower case: `.jsonl` for `a.jsonl` and for `a.JSONL.gz`. */
export function formatExtension(path: string): string {
  return extname(compressionByName(path) === undefined ? path : path.slice(0, -extname(path).length)).toLowerCase();
}
