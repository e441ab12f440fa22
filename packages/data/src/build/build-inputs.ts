/** The files that a build reads: listed without what builds make, and compared with what a build began with. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { FormatError, StateError } from "@ds3/errors";
import { listDocumentFiles, type ReadOptions } from "../read-documents.ts";
import type { BuildSource } from "./build-config.ts";
import { isObject } from "./config-checks.ts";
import { damaged, readJson, writeJson } from "./pass-state.ts";
import type { BuildSettings } from "./resolve-build.ts";

/** One file as it was found. */
export interface InputFile {
  readonly path: string;
  readonly bytes: number;
  /** Time of the last change, ms since 1970. */
  readonly changed: number;
}

const OP = "buildCorpus";

/** The name of the list of inputs in the folder of the shards. */
export const INPUTS = "inputs.json";

/** What a build writes into the folder of its shards. */
const MADE =
  /^(index\.json|inputs\.json|report\.(json|html)|rejects\.jsonl|tokenizer(\.training)?\.json|shard-\d+\.(tokens|documents))(\.tmp)?$/;

/**
 * The files of each source, in order. What a build has made in `out` or `work` is not among them, so a folder around them
 * may be a source.
 * @throws FormatError when nothing else is there, and as listing does.
 */
export async function listInputs({ sources, out, work }: BuildSettings): Promise<readonly (readonly string[])[]> {
  const [outPath, workPath] = [await realPath(out), await realPath(work)];
  const isMade = async (file: string): Promise<boolean> => {
    const path = await realPath(file);
    return contains(workPath, path) || (dirname(path) === outPath && MADE.test(basename(path)));
  };
  return Promise.all(
    sources.map(async ({ name, paths, format }) => {
      const all = await listDocumentFiles([paths].flat() as string[], format);
      const made = await Promise.all(all.map(isMade));
      const files = all.filter((_, i) => !made[i]);
      if (files.length > 0) return files;
      const actual = `only what builds make in ${out} and ${work}`;
      throw new FormatError({ op: OP, operand: `source "${name}"`, expected: "files to read", actual });
    }),
  );
}

/** Sizes and times of all files. */
export async function describeInputs(files: readonly (readonly string[])[]): Promise<InputFile[]> {
  const all = files.flat().map(async (path) => {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0 })); // reading it says what is wrong
    return { path: resolve(path), bytes: size, changed: Math.trunc(mtimeMs) };
  });
  return Promise.all(all);
}

/** @throws StateError naming the first file that is not as it was, with `hint`. */
export function requireSameInputs(found: readonly InputFile[], now: readonly InputFile[], hint: string): void {
  const known = new Map(found.map((file) => [file.path, file]));
  const fail = (operand: string, actual: string): StateError =>
    new StateError({ op: OP, operand, expected: "the files that the build was begun with", actual, hint });
  for (const { path, bytes, changed } of now) {
    const before = known.get(path);
    if (before === undefined) throw fail(path, "a new file");
    if (bytes < 0 && before.bytes >= 0) throw fail(path, "none");
    if (before.bytes !== bytes) throw fail(path, `${bytes} bytes instead of ${before.bytes}`);
    if (before.changed !== changed) throw fail(path, "another time of change");
    known.delete(path);
  }
  const [gone] = known.keys();
  if (gone !== undefined) throw fail(gone, "none");
}

/** Keep the list beside the shards. @throws DiskWriteError, DiskFullError. */
export async function writeInputs(out: string, files: readonly InputFile[]): Promise<void> {
  await writeJson(join(out, INPUTS), { version: 1, files });
}

/** The list beside finished shards, or undefined where there is none. @throws FormatError when it is damaged. */
export async function readInputs(out: string): Promise<readonly InputFile[] | undefined> {
  const path = join(out, INPUTS);
  const found = (await readJson(path)) as { files?: unknown } | undefined;
  return found === undefined ? undefined : checkInputs(path, found.files);
}

/** @throws FormatError unless it is a list of files. */
export function checkInputs(path: string, files: unknown): readonly InputFile[] {
  const isFile = (file: unknown): boolean =>
    isObject(file) &&
    typeof file.path === "string" &&
    typeof file.bytes === "number" &&
    typeof file.changed === "number";
  if (Array.isArray(files) && files.every(isFile)) return files as InputFile[];
  throw damaged(path, "no list of files");
}

/** How a source's files are read. */
export function readOptionsOf(source: BuildSource): ReadOptions {
  const { format, textKey = "text", separator, encoding, quotes, maxRecordBytes } = source;
  const given = { format, separator, encoding, quotes, maxRecordBytes };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(present), textKey, column: textKey };
}

/** True when `path` is the folder or in it; both as `realPath` gives them. */
export function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && resolve(folder, way) === path);
}

/** An absolute path without links, also where its end is not there yet. */
export async function realPath(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(() => undefined);
  if (real !== undefined) return real;
  const parent = dirname(whole);
  return parent === whole ? whole : join(await realPath(parent), basename(whole));
}
