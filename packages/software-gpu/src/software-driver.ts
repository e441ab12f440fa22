import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { readOsRelease } from "./os-release.ts";

/** Where a software driver comes from: Mesa's lavapipe out of Debian packages, or SwiftShader out of an npm package. */
export type DriverSource = "lavapipe" | "swiftshader";

/** The sources, the faster one first (lavapipe has f16 and is 3 to 4 times faster). */
export const driverSources: readonly DriverSource[] = ["lavapipe", "swiftshader"];

/** A software Vulkan driver in the cache. */
export interface SoftwareDriver {
  readonly source: DriverSource;
  /** The version of Mesa, or of the npm package that carries SwiftShader. */
  readonly version: string;
  /** The driver's own folder: `driver.json`, `icd.json` and `lib/`. */
  readonly folder: string;
  /** The Vulkan ICD manifest: what VK_DRIVER_FILES must name. */
  readonly icd: string;
  /** The folder with the Vulkan loader, the driver and their libraries: what LD_LIBRARY_PATH must name. */
  readonly libraryFolder: string;
}

/** The user's cache: `$XDG_CACHE_HOME/ds3/software-gpu`, or `~/.cache/ds3/software-gpu`. */
export function defaultCacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ds3", "software-gpu");
}

/** The folder name of a driver: libraries of one distribution are not offered to another that shares the home folder. */
export function driverKey(source: DriverSource): string {
  if (source === "swiftshader") return `swiftshader-${process.arch}`;
  const { id, versionId, codename } = readOsRelease();
  return `lavapipe-${id}-${versionId || codename || "unknown"}-${process.arch}`;
}

/** The driver in one driver folder, or undefined when the folder is not there. */
export function readDriver(folder: string): SoftwareDriver | undefined {
  const manifest = join(folder, "driver.json");
  if (!existsSync(manifest)) return undefined;
  const { source, version } = JSON.parse(readFileSync(manifest, "utf8")) as Pick<SoftwareDriver, "source" | "version">;
  return { source, version, folder, icd: join(folder, "icd.json"), libraryFolder: join(folder, "lib") };
}

/**
 * The cached software driver, or undefined when none was installed. Downloads nothing, loads nothing.
 *
 * `source` asks for one source alone; without it the faster one that is there wins.
 */
export function findSoftwareGpu(
  options: { cacheFolder?: string; source?: DriverSource } = {},
): SoftwareDriver | undefined {
  const { cacheFolder = defaultCacheFolder(), source } = options;
  for (const candidate of source ? [source] : driverSources) {
    const driver = readDriver(join(cacheFolder, driverKey(candidate)));
    if (driver) return driver;
  }
  return undefined;
}
