import { delimiter } from "node:path";
import type { SoftwareDriver } from "./software-driver.ts";

/**
 * The environment variables through which the Vulkan loader and Dawn find `driver`, in a process started with them.
 *
 * What the user has set already comes first and stays.
 */
export function driverEnvironment(
  driver: SoftwareDriver,
  present: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  // The older name counts only where the newer one is unset, so the user's drivers may stand under either.
  const drivers = append(present.VK_DRIVER_FILES ?? present.VK_ICD_FILENAMES, driver.icd);
  return {
    LD_LIBRARY_PATH: append(present.LD_LIBRARY_PATH, driver.libraryFolder),
    VK_DRIVER_FILES: drivers,
    VK_ICD_FILENAMES: drivers,
  };
}

/** As `driverEnvironment`, but with no other driver beside it: what Dawn finds then, it finds through `driver`. */
export function isolatedEnvironment(driver: SoftwareDriver): Record<string, string> {
  return { ...driverEnvironment(driver), VK_DRIVER_FILES: driver.icd, VK_ICD_FILENAMES: driver.icd };
}

function append(list: string | undefined, entry: string): string {
  const entries = (list ?? "").split(delimiter).filter((item) => item !== "");
  return (entries.includes(entry) ? entries : [...entries, entry]).join(delimiter);
}
