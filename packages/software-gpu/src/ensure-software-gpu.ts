import { driverEnvironment } from "./driver-environment.ts";
import { NoSoftwareGpuError } from "./errors.ts";
import { installFresh, requirePermission } from "./install-software-gpu.ts";
import { probeAdapter } from "./probe-adapter.ts";
import { findSoftwareGpu, type SoftwareDriver } from "./software-driver.ts";
import { useSoftwareGpu } from "./use-software-gpu.ts";

/** How to come to an adapter. */
export interface EnsureOptions {
  /** One line before each download, and one when it is done. */
  readonly onMessage?: (line: string) => void;
  /** Download a driver when none is cached. Default false. */
  readonly fetch?: boolean;
  /** Where drivers are kept; the default is the user's cache. */
  readonly cacheFolder?: string;
}

/**
 * Make sure that Dawn has an adapter in this process: the system's, else a cached software driver, else, with
 * `fetch: true`, a downloaded one.
 *
 * Returns the software driver in use, or undefined when the system's own adapter is. Sets what `useSoftwareGpu` sets.
 * @throws NoSoftwareGpuError when there is no adapter and none may or can be had; StateError in a worker thread.
 */
export async function ensureSoftwareGpu(options: EnsureOptions = {}): Promise<SoftwareDriver | undefined> {
  const driver = await chooseDriver("ensureSoftwareGpu", options);
  return driver && useSoftwareGpu(options);
}

/**
 * The environment variables with which a child process has an adapter: LD_LIBRARY_PATH and VK_DRIVER_FILES of a software
 * driver, or none when the system's own adapter serves. What the user has set in them stays in front.
 *
 * Options and errors as `ensureSoftwareGpu`. The running process is left as it is.
 */
export async function childEnvironment(options: EnsureOptions = {}): Promise<Record<string, string>> {
  const driver = await chooseDriver("childEnvironment", options);
  return driver ? driverEnvironment(driver) : {};
}

async function chooseDriver(op: string, options: EnsureOptions): Promise<SoftwareDriver | undefined> {
  const { adapter, log } = await probeAdapter();
  if (adapter) return undefined;
  requirePermission(op);
  const driver = findSoftwareGpu(options);
  if (driver) return driver;
  if (options.fetch) return installFresh(options);
  throw new NoSoftwareGpuError({
    op,
    operand: "adapter",
    expected: "an adapter of the system or a cached software driver",
    actual: `neither (${firstLine(log) || "Dawn names no reason"})`,
    hint: "Run `npx @ds3/software-gpu install`, or pass { fetch: true }.",
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
