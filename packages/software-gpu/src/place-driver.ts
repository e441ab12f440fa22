import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DriverSource, driverKey, readDriver, type SoftwareDriver } from "./software-driver.ts";

/** What a source leaves in its work folder: the file name of the driver library inside `lib/`, and its version. */
export interface FetchedDriver {
  readonly version: string;
  readonly driverLibrary: string;
  readonly apiVersion: string;
}

const ABANDONED_MILLISECONDS = 3_600_000;

/**
 * Builds a driver folder aside and renames it into the cache: whole or not at all, whoever else does the same.
 *
 * `fetchInto(work, lib)` may use `work` as it likes and must leave all libraries in `lib`.
 */
export async function placeDriver(
  cacheFolder: string,
  source: DriverSource,
  fetchInto: (work: string, lib: string) => Promise<FetchedDriver>,
): Promise<SoftwareDriver> {
  await removeAbandoned(cacheFolder);
  const work = await mkdtemp(join(cacheFolder, ".partial-"));
  try {
    const staged = join(work, "driver");
    await mkdir(join(staged, "lib"), { recursive: true });
    const fetched = await fetchInto(work, join(staged, "lib"));
    await writeManifests(staged, source, fetched);
    return await publish(staged, join(cacheFolder, driverKey(source)));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The ICD manifest names the library relative to itself, so the folder can be moved. */
async function writeManifests(folder: string, source: DriverSource, fetched: FetchedDriver): Promise<void> {
  const icd = {
    file_format_version: "1.0.0",
    ICD: { library_path: `./lib/${fetched.driverLibrary}`, api_version: fetched.apiVersion },
  };
  await writeFile(join(folder, "icd.json"), `${JSON.stringify(icd, null, 2)}\n`);
  await writeFile(join(folder, "driver.json"), `${JSON.stringify({ source, version: fetched.version }, null, 2)}\n`);
}

/** When another process was first, its driver is as good as ours. */
async function publish(staged: string, final: string): Promise<SoftwareDriver> {
  try {
    await rename(staged, final);
  } catch (error) {
    if (!readDriver(final)) throw error;
  }
  return readDriver(final)!;
}

/** Work folders of processes that were killed. An hour is far beyond any living installation. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith(".partial-")) continue;
    const path = join(cacheFolder, name);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > ABANDONED_MILLISECONDS) await rm(path, { recursive: true, force: true });
  }
}
