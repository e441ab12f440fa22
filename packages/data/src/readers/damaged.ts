import { FormatError } from "@ds3/errors";

/** The error for a compressed file of which not all can be read; `actual` says what is wrong, and where if that is known. */
export function damaged(path: string, op: string, kind: "gzip" | "zstd", actual: string, cause?: unknown): FormatError {
  const details = { op, operand: path, expected: `complete ${kind} data`, actual, hint: "Fetch it anew." };
  return new FormatError({ ...details, ...(cause === undefined ? {} : { cause }) });
}
