import { isolatedEnvironment } from "./driver-environment.ts";
import { readOsRelease } from "./os-release.ts";
import { isForbidden } from "./policy.ts";
import { type AdapterReport, type ProbeResult, probeAdapter } from "./probe-adapter.ts";
import { findSoftwareGpu, type SoftwareDriver } from "./software-driver.ts";

/** What Dawn sees on this machine, and what to do. */
export interface DoctorReport {
  /** True when a program that uses ds3 has an adapter as things are. */
  readonly ok: boolean;
  /** What Dawn finds by itself. */
  readonly system: ProbeResult;
  /** The cached driver, undefined when there is none, and what Dawn finds with it. */
  readonly driver: SoftwareDriver | undefined;
  readonly software: ProbeResult | undefined;
  /** The report for people, one line an item; the last one is the next step. */
  readonly lines: readonly string[];
}

/** Look at this machine through Dawn, in child processes. Changes and downloads nothing; never throws for a bad state. */
export async function doctor(options: { cacheFolder?: string } = {}): Promise<DoctorReport> {
  const system = await probeAdapter();
  const driver = findSoftwareGpu(options);
  const software = driver && (await probeAdapter(isolatedEnvironment(driver)));
  const ok = Boolean(system.adapter ?? (isForbidden() ? undefined : software?.adapter));
  const lines = [
    machineLine(),
    ...probeLines("Adapter of the system", system),
    driver ? `Cached driver: ${driver.source} ${driver.version} in ${driver.folder}` : "Cached driver: none",
    ...(software ? probeLines("Adapter with the cached driver", software) : []),
    ...(isForbidden() ? ["DS3_SOFTWARE_GPU=off: software drivers are neither fetched nor loaded."] : []),
    nextStep(system, driver, software),
  ];
  return { ok, system, driver, software, lines };
}

function machineLine(): string {
  const { id, versionId } = readOsRelease();
  const system = process.platform === "linux" ? `linux (${id} ${versionId})` : process.platform;
  return `Machine: ${system}, ${process.arch}, Node ${process.versions.node}`;
}

function probeLines(title: string, { adapter, log }: ProbeResult): string[] {
  if (adapter) return [`${title}: ${adapter.description}`, ...adapterLines(adapter)];
  return [`${title}: none`, ...(log ? log.split("\n").map((line) => `  ${line.trim()}`) : [])];
}

function adapterLines({ isSoftware, features, limits }: AdapterReport): string[] {
  const known = ["shader-f16", "subgroups", "timestamp-query", "chromium-experimental-subgroup-matrix"];
  const has = (feature: string): string => `${feature} ${features.includes(feature) ? "yes" : "no"}`;
  const mebibytes = (name: string): string => `${name} ${Math.floor((limits[name] ?? 0) / 2 ** 20)} MiB`;
  return [
    `  runs on the ${isSoftware ? "CPU" : "GPU"}; ${known.map(has).join(", ")}`,
    `  ${mebibytes("maxBufferSize")}, ${mebibytes("maxStorageBufferBindingSize")}`,
  ];
}

function nextStep(system: ProbeResult, driver: SoftwareDriver | undefined, software: ProbeResult | undefined): string {
  if (system.adapter) return "Next: nothing to do, Dawn uses the adapter of the system.";
  if (process.platform !== "linux") return "Next: update the driver of your GPU.";
  if (isForbidden()) return "Next: install the Vulkan driver of your GPU, or unset DS3_SOFTWARE_GPU.";
  if (software?.adapter) return "Next: nothing to do, ds3 loads the cached driver by itself.";
  const again = driver
    ? "npx @ds3/software-gpu remove && npx @ds3/software-gpu install"
    : "npx @ds3/software-gpu install";
  return `Next: run \`${again}\`.`;
}
