import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ensureSoftwareGpu } from "./ensure-software-gpu.ts";
import { NoSoftwareGpuError } from "./errors.ts";
import { type FetchDriver, installFresh, installSoftwareGpu } from "./install-software-gpu.ts";
import { placeDriver } from "./place-driver.ts";
import { useSoftwareGpu } from "./use-software-gpu.ts";

let cacheFolder: string;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "ds3-install-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cacheFolder, { recursive: true, force: true });
});

/** No Vulkan loader and no driver, whatever this machine has: what Dawn then sees is nothing. */
const hideSystemGpu = (): void => {
  for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
    vi.stubEnv(name, join(cacheFolder, "no-such-driver.json"));
};
const offline: FetchDriver = async () => {
  throw new Error("no route to host");
};
const notALibrary: FetchDriver = async (_work, lib) => {
  await writeFile(join(lib, "libdriver.so"), "not a library");
  return { version: "0", driverLibrary: "libdriver.so", apiVersion: "1.3.0" };
};
const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

test("offline, with nothing cached: a named error that lists each source and the fix, and an empty cache", async () => {
  const lines: string[] = [];
  const options = { cacheFolder, onMessage: (line: string) => lines.push(line) };
  const failure = await failureOf(installFresh(options, { fetchers: { lavapipe: offline, swiftshader: offline } }));
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toMatch(/lavapipe: no route to host \| swiftshader: no route to host/);
  expect(String(failure)).toMatch(/Check the network .*mesa-vulkan-drivers/);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/lavapipe.*60 to 90 MB/);
  expect(await readdir(cacheFolder)).toEqual([]);
});

test("a driver that Dawn does not accept is not kept", async () => {
  const parts = { fetchers: { swiftshader: notALibrary } };
  const failure = await failureOf(installFresh({ cacheFolder, source: "swiftshader" }, parts));
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toContain("Dawn does not accept version 0");
  expect(await readdir(cacheFolder)).toEqual([]);
});

test("of two installations at once one downloads, and the other waits and takes its driver", async () => {
  const lines: string[] = [];
  const slow: FetchDriver = async (work, lib) => {
    await sleep(50);
    return notALibrary(work, lib);
  };
  const adapter = { description: "test", vendor: "", architecture: "", isSoftware: true, features: [], limits: {} };
  const parts = { fetchers: { lavapipe: slow }, probe: async () => ({ adapter, log: "" }) };
  const install = () => installFresh({ cacheFolder, onMessage: (line) => lines.push(line) }, parts);
  const [first, second] = await Promise.all([install(), install()]);
  expect(first).toEqual(second);
  expect(lines.map((line) => line.split(" ", 1)[0]).sort()).toEqual(["Another", "Installed", "No"]);
});

test("an unwritable cache folder is named", async () => {
  const file = join(cacheFolder, "file");
  await writeFile(file, "");
  const failure = await failureOf(
    installFresh({ cacheFolder: join(file, "cache") }, { fetchers: { lavapipe: offline } }),
  );
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toContain("XDG_CACHE_HOME");
});

test("DS3_SOFTWARE_GPU=off forbids downloading and loading, cached or not", async () => {
  await placeDriver(cacheFolder, "lavapipe", notALibrary);
  hideSystemGpu();
  vi.stubEnv("DS3_SOFTWARE_GPU", "off");
  expect(useSoftwareGpu({ cacheFolder })).toBeUndefined();
  for (const attempt of [installSoftwareGpu, ensureSoftwareGpu]) {
    const failure = await failureOf(attempt({ cacheFolder, fetch: true } as { cacheFolder: string }));
    expect(NoSoftwareGpuError.is(failure)).toBe(true);
    expect(String(failure)).toContain("unset DS3_SOFTWARE_GPU");
  }
});

test("without fetch nothing is downloaded: the error names the command", async () => {
  hideSystemGpu();
  const failure = await failureOf(ensureSoftwareGpu({ cacheFolder }));
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toContain("npx @ds3/software-gpu install");
  expect(await readdir(cacheFolder)).toEqual([]);
});
