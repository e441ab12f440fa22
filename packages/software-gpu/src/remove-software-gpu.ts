import { rm } from "node:fs/promises";
import { type DriverSource, findSoftwareGpu, type SoftwareDriver } from "./software-driver.ts";

/** Delete the cached software drivers of this system, or of one source; returns what was deleted. */
export async function removeSoftwareGpu(
  options: { cacheFolder?: string; source?: DriverSource } = {},
): Promise<SoftwareDriver[]> {
  const removed: SoftwareDriver[] = [];
  for (let driver = findSoftwareGpu(options); driver; driver = findSoftwareGpu(options)) {
    await rm(driver.folder, { recursive: true, force: true });
    removed.push(driver);
  }
  return removed;
}
