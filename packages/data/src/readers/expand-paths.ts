import { stat } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { FormatError } from "@ds3/errors";
import { glob, isDynamicPattern } from "tinyglobby";
import { formatExtension } from "./file-format.ts";

/**
 * The files that paths name: a file is itself, a folder is every file in it, at any depth, that has one of the
 * extensions (compressed or not), a pattern such as `data/*.jsonl` is every file that it matches. Files of a folder or
 * pattern are in the order of their names' code units; a file comes once, however often it is named.
 *
 * Patterns always have forward slashes. A path that names nothing stays: reading it says so.
 * @throws FormatError of `op` for a pattern or a folder without any such file.
 */
export async function expandPaths(
  paths: readonly string[],
  extensions: readonly string[],
  op: string,
): Promise<string[]> {
  const files = new Map<string, string>();
  for (const path of paths) {
    for (const file of await expandPath(path, extensions, op)) {
      const key = resolve(file);
      if (!files.has(key)) files.set(key, file);
    }
  }
  return [...files.values()];
}

async function expandPath(path: string, extensions: readonly string[], op: string): Promise<readonly string[]> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) {
    const inside = await glob("**/*", { cwd: path, absolute: true, expandDirectories: false });
    const files = inside.filter((file) => extensions.includes(formatExtension(file)));
    return present(files, path, `files of a known format (${extensions.join(", ")})`, op).map(nameAs(path));
  }
  if (entry !== undefined || !isDynamicPattern(path)) return [path];
  return present(
    await glob(path, { absolute: true, expandDirectories: false }),
    path,
    "a pattern that matches files",
    op,
  ).map(nameAs(path));
}

/** Absolute when the path that led to it is, else relative to the working directory. */
function nameAs(path: string): (file: string) => string {
  const isAbsolute = resolve(path) === path.replace(/[/\\]+$/, "") || path.startsWith("/");
  return (file) => (isAbsolute ? resolve(file) : relative(process.cwd(), file));
}

function present(files: readonly string[], path: string, expected: string, op: string): string[] {
  if (files.length > 0) return [...files].sort(byName);
  throw new FormatError({ op, operand: path, expected, actual: "none" });
}

/** Folders before what is beside them by the code units of each part, the same on every system. */
function byName(a: string, b: string): number {
  const [left, right] = [a.split(sep).join("\0"), b.split(sep).join("\0")];
  return left < right ? -1 : left > right ? 1 : 0;
}
