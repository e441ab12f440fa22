import { readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { StateError } from "@ds3/errors";
import { retireDawnInstances } from "./dawn-instances.ts";
import { driverEnvironment } from "./driver-environment.ts";
import { NoSoftwareGpuError } from "./errors.ts";
import { isForbidden } from "./policy.ts";
import { type DriverSource, findSoftwareGpu, type SoftwareDriver } from "./software-driver.ts";

const LOADED = Symbol.for("@ds3/software-gpu");
const RTLD_NOW = 0x2;
const RTLD_NODELETE = 0x1000;

/**
 * Make the cached software driver usable in the running process, and in children started from now on.
 *
 * Sets VK_DRIVER_FILES, VK_ICD_FILENAMES and LD_LIBRARY_PATH (read by children alone: the running process read it when it
 * started, so the libraries are loaded by hand; Dawn then finds the Vulkan loader by its name). Returns the driver, or
 * undefined when none is cached or DS3_SOFTWARE_GPU=off. A second call does nothing. Downloads nothing.
 * A Dawn instance made before does not see the driver; `getDawn` gives a new one.
 * @throws StateError in a worker thread, whose environment the Vulkan loader does not see; NoSoftwareGpuError when a
 *   cached library cannot be loaded.
 */
export function useSoftwareGpu(
  options: { cacheFolder?: string; source?: DriverSource } = {},
): SoftwareDriver | undefined {
  const holder = globalThis as { [LOADED]?: SoftwareDriver };
  if (holder[LOADED]) return holder[LOADED];
  const driver = isForbidden() ? undefined : findSoftwareGpu(options);
  if (!driver) return undefined;
  requireMainThread();
  Object.assign(process.env, driverEnvironment(driver));
  loadLibraries(driver.libraryFolder);
  retireDawnInstances();
  holder[LOADED] = driver;
  return driver;
}

/** Loads every library, in passes: a library that misses another one succeeds once that one is loaded. */
function loadLibraries(folder: string): void {
  let left = [...new Set(readdirSync(folder).map((name) => realpathSync(join(folder, name))))];
  for (let previous = left.length + 1; left.length > 0 && left.length < previous; ) {
    previous = left.length;
    left = left.filter((file) => loadFailure(file) !== undefined);
  }
  if (left.length === 0) return;
  throw new NoSoftwareGpuError({
    op: "useSoftwareGpu",
    operand: left[0]!,
    expected: "a library that this process can load",
    actual: loadFailure(left[0]!) ?? "a failure on the first tries",
    hint: "Run `npx @ds3/software-gpu remove`, then `npx @ds3/software-gpu install`.",
  });
}

/** Undefined when the library is loaded. It is no Node addon, so Node always throws, but keeps a library it could open. */
function loadFailure(file: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, file, RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.includes("did not self-register") ? undefined : message;
  }
  return undefined;
}

function requireMainThread(): void {
  if (isMainThread) return;
  throw new StateError({
    op: "useSoftwareGpu",
    operand: "thread",
    expected: "the main thread",
    actual: "a worker thread",
    hint: "Call useSoftwareGpu() in the main thread before the worker starts, or start Node with childEnvironment().",
  });
}
