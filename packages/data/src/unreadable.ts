import { FormatError } from "@ds3/errors";

/** The error for a file that the system does not let us read. */
export function unreadable(path: string, cause: unknown, op = "readDocuments"): FormatError {
  const code = (cause as { code?: unknown } | null)?.code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    EISDIR: "a folder",
    EACCES: "no permission",
  };
  const message = cause instanceof Error ? cause.message : String(cause);
  const actual = (typeof code === "string" ? known[code] : undefined) ?? message;
  const hint = code === "EISDIR" ? "Name the files in it." : "Check the path; it is relative to the working directory.";
  return new FormatError({ op, operand: path, expected: "a readable file", actual, hint, cause });
}
