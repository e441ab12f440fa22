/** The folder of intermediate results: whose it is, and what may be removed from it. */
import { readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkInputs, contains, type InputFile, realPath } from "./build-inputs.ts";
import { isObject, show, wrong } from "./config-checks.ts";
import { damaged, writeJson } from "./pass-state.ts";
import type { BuildSettings } from "./resolve-build.ts";
import { dropSearches } from "./search-duplicates.ts";

/** What a folder was begun with. */
export interface BeginNote {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly files: readonly InputFile[];
}

/** By this file a folder is a build's own. It is the first there, and the last to go. */
const NOTE = "build.json";
const FORMAT = "ds3-build-work";
/** Files of a build beside it; the last two are of a tokenizer that was trained for it. */
const FILES = ["clean.json", "keep.json", "rejects.jsonl", "tokenizer.json", "tokenizer.training.json"];
const PART = /^part-\d+(\.rejects)?\.jsonl(\.tmp)?$/;

/**
 * @throws ConfigError for a folder that is or contains `out` or a source, that is no folder, or that holds anything but what
 * a build has begun in it.
 */
export async function requireSafeWork({ work, out, sources }: BuildSettings): Promise<void> {
  const folder = await realPath(work);
  const refuse = (other: string): Error =>
    wrong("work", "a folder of its own", `${show(work)}, which is or contains ${other}`, "Name a new folder.");
  if (contains(folder, await realPath(out))) throw refuse(`out, ${show(out)}`);
  for (const { name, paths } of sources) {
    for (const path of [paths].flat() as string[]) {
      if (contains(folder, await realPath(await fixedPart(path)))) throw refuse(`${show(path)} of source "${name}"`);
    }
  }
  await requireOwn(work);
}

/** What the folder was begun with, or undefined for one that is new. @throws FormatError when that is damaged. */
export async function readNote(work: string): Promise<BeginNote | undefined> {
  const path = join(work, NOTE);
  const found = await readOwnNote(work);
  if (found === undefined) return undefined;
  if (!isObject(found.settings)) throw damaged(path, "no settings");
  return { settings: found.settings, files: checkInputs(path, found.files) };
}

/** Make the folder a build's own. @throws DiskWriteError, DiskFullError. */
export async function writeNote(work: string, note: BeginNote): Promise<void> {
  await writeJson(join(work, NOTE), { format: FORMAT, version: 1, ...note });
}

/** Remove what a build has made in the folder, then the folder if that was all. A folder that is no build's stays as it is. */
export async function removeWorkFolder(work: string): Promise<void> {
  if ((await readOwnNote(work)) === undefined) return;
  for (const name of ["clean", "keep"]) await removeParts(join(work, name));
  await dropSearches(work);
  for (const name of [...FILES, NOTE]) {
    await rm(join(work, `${name}.tmp`), { force: true });
    await rm(join(work, name), { force: true });
  }
  await removeIfEmpty(work);
}

/** Remove the parts of a pass, then their folder if that was all. */
export async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (PART.test(name)) await rm(join(folder, name), { force: true });
  await removeIfEmpty(folder);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(cause.code ?? "")) throw cause;
  });
}

async function requireOwn(work: string): Promise<void> {
  const names = await readdir(work).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw wrong("work", "a folder", `${show(work)}: ${cause.message}`);
  });
  const [other] = names.filter((name) => name !== `${NOTE}.tmp`);
  if (other === undefined || (await readOwnNote(work)) !== undefined) return;
  const actual = `${show(work)}, which holds ${show(other)}`;
  throw wrong("work", "an empty folder, or one that a build has begun", actual, "Name a new folder.");
}

async function readOwnNote(work: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(join(work, NOTE), "utf8"));
    return isObject(note) && note.format === FORMAT && note.version === 1 ? note : undefined;
  } catch {
    return undefined;
  }
}

/** The path, or of a pattern the folders before its first sign. */
async function fixedPart(path: string): Promise<string> {
  const isThere = await stat(path).catch(() => undefined);
  if (isThere !== undefined) return path;
  const sign = path.search(/[*?[\]{}()!+@]/);
  if (sign < 0) return path;
  const cut = path.slice(0, sign).lastIndexOf("/");
  return cut < 0 ? "." : path.slice(0, cut + 1);
}
