import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isolatedEnvironment } from "./driver-environment.ts";
import { NoSoftwareGpuError } from "./errors.ts";
import { fetchLavapipe, lavapipeDownload } from "./fetch-lavapipe.ts";
import { fetchSwiftshader, swiftshaderDownload } from "./fetch-swiftshader.ts";
import { type FetchedDriver, placeDriver } from "./place-driver.ts";
import { isForbidden } from "./policy.ts";
import { probeAdapter } from "./probe-adapter.ts";
import {
  type DriverSource,
  defaultCacheFolder,
  driverSources,
  findSoftwareGpu,
  type SoftwareDriver,
} from "./software-driver.ts";
import { withLock } from "./with-lock.ts";

/** How to install. */
export interface InstallOptions {
  /** One line before each download, and one when it is done. */
  readonly onMessage?: (line: string) => void;
  /** Where drivers are kept; the default is the user's cache. */
  readonly cacheFolder?: string;
  /** One source alone; without it lavapipe, then SwiftShader. */
  readonly source?: DriverSource;
  /** Install although the system has an adapter. */
  readonly force?: boolean;
}

/** Puts a source's libraries into `lib`; `work` is scratch space. */
export type FetchDriver = (work: string, lib: string) => Promise<FetchedDriver>;

interface Source {
  readonly title: string;
  readonly download: string;
  readonly fetchDriver: FetchDriver;
}

const sources: Readonly<Record<DriverSource, Source>> = {
  lavapipe: {
    title: "lavapipe (Mesa) from the distribution's signed packages",
    download: lavapipeDownload,
    fetchDriver: fetchLavapipe,
  },
  swiftshader: {
    title: "SwiftShader from the npm package @sparticuz/chromium",
    download: swiftshaderDownload,
    fetchDriver: fetchSwiftshader,
  },
};

/**
 * Put a software Vulkan driver into the user's cache, without root.
 *
 * Returns undefined, and downloads nothing, when Dawn accepts an adapter of the system (unless `force`); returns the
 * cached driver when there is one. Otherwise downloads one, tries it in a child process, and keeps it only if Dawn
 * accepts it. Several processes may call this at once: one downloads, the others wait. Cost: 10 to 30 s the first time.
 * @throws NoSoftwareGpuError when DS3_SOFTWARE_GPU=off, on a system other than Linux, or when no source worked.
 */
export async function installSoftwareGpu(options: InstallOptions = {}): Promise<SoftwareDriver | undefined> {
  const { onMessage = () => {}, force = false } = options;
  if (!force) {
    const { adapter } = await probeAdapter();
    if (adapter) {
      onMessage(`The system has an adapter that Dawn accepts: ${adapter.description}. Nothing to download.`);
      return undefined;
    }
  }
  requirePermission("installSoftwareGpu");
  const cached = findSoftwareGpu(options);
  if (!cached) return installFresh(options);
  onMessage(`Already there: ${cached.source} ${cached.version} in ${cached.folder}.`);
  return cached;
}

/** @throws NoSoftwareGpuError when this user or this platform has no use for a software driver. */
export function requirePermission(op: string): void {
  if (isForbidden()) {
    throw new NoSoftwareGpuError({
      op,
      operand: "DS3_SOFTWARE_GPU",
      expected: "an adapter of the system, as software drivers are forbidden",
      actual: "no adapter and DS3_SOFTWARE_GPU=off",
      hint: "Install the Vulkan driver of your GPU, or unset DS3_SOFTWARE_GPU.",
    });
  }
  if (process.platform === "linux") return;
  throw new NoSoftwareGpuError({
    op,
    operand: "platform",
    expected: "Linux, or a GPU of the system",
    actual: `${process.platform} without an adapter that Dawn accepts`,
    hint: "Update the driver of your GPU; software drivers are fetched on Linux only.",
  });
}

/** What tests put in the place of downloads and of Dawn's opinion. */
export interface InstallParts {
  readonly fetchers?: Partial<Record<DriverSource, FetchDriver>>;
  readonly probe?: typeof probeAdapter;
}

/** Downloads under the lock. */
export async function installFresh(options: InstallOptions, parts: InstallParts = {}): Promise<SoftwareDriver> {
  const { onMessage = () => {}, cacheFolder = defaultCacheFolder(), source } = options;
  await makeCacheFolder(cacheFolder);
  const waiting = (): void => onMessage("Another process is installing the software GPU; waiting for it.");
  return withLock(
    join(cacheFolder, ".lock"),
    async () => {
      const other = findSoftwareGpu({ cacheFolder, ...(source && { source }) });
      if (other) return other;
      return installFirstWorking(source ? [source] : driverSources, cacheFolder, onMessage, parts);
    },
    waiting,
  );
}

async function makeCacheFolder(cacheFolder: string): Promise<void> {
  try {
    await mkdir(cacheFolder, { recursive: true });
  } catch (cause) {
    throw new NoSoftwareGpuError({
      op: "installSoftwareGpu",
      operand: cacheFolder,
      expected: "a cache folder that this user can write",
      actual: (cause as Error).message,
      hint: "Set XDG_CACHE_HOME, or pass `--cache-folder FOLDER`.",
      cause,
    });
  }
}

async function installFirstWorking(
  candidates: readonly DriverSource[],
  cacheFolder: string,
  onMessage: (line: string) => void,
  parts: InstallParts,
): Promise<SoftwareDriver> {
  const failures: string[] = [];
  for (const name of candidates) {
    const { title, download } = sources[name];
    onMessage(`No GPU that Dawn accepts: downloading the software driver ${title}, ${download}, into ${cacheFolder}.`);
    try {
      return await installOne(name, cacheFolder, onMessage, parts);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new NoSoftwareGpuError({
    op: "installSoftwareGpu",
    operand: "download",
    expected: `a software driver from ${candidates.join(" or ")}`,
    actual: failures.join(" | "),
    hint:
      "Check the network and run `npx @ds3/software-gpu install` again, or install a Vulkan driver with your system's " +
      "package manager (Debian, Ubuntu: mesa-vulkan-drivers, Mesa 25 or newer).",
  });
}

async function installOne(
  name: DriverSource,
  cacheFolder: string,
  onMessage: (line: string) => void,
  { fetchers = {}, probe = probeAdapter }: InstallParts,
): Promise<SoftwareDriver> {
  const start = performance.now();
  const driver = await placeDriver(cacheFolder, name, fetchers[name] ?? sources[name].fetchDriver);
  const { adapter, log } = await probe(isolatedEnvironment(driver));
  if (!adapter) {
    await rm(driver.folder, { recursive: true, force: true });
    throw new Error(`Dawn does not accept version ${driver.version}: ${log}`);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  onMessage(`Installed ${name} ${driver.version} in ${seconds} s: ${adapter.description}.`);
  return driver;
}
