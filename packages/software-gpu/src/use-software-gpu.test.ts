import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { afterAll, expect, test, vi } from "vitest";
import { getDawn } from "./dawn.ts";
import { NoSoftwareGpuError } from "./errors.ts";
import { placeDriver } from "./place-driver.ts";
import { useSoftwareGpu } from "./use-software-gpu.ts";

const root = await mkdtemp(join(tmpdir(), "ds3-use-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const fetched = { version: "1.0", driverLibrary: "libdriver.so", apiVersion: "1.3.0" };

/** A cache whose only driver consists of the libraries that `fill` writes. */
async function cacheWith(fill: (lib: string) => Promise<void>): Promise<string> {
  const cacheFolder = await mkdtemp(join(root, "cache-"));
  await placeDriver(cacheFolder, "swiftshader", async (_work, lib) => {
    await fill(lib);
    return fetched;
  });
  return cacheFolder;
}

const failureOf = (attempt: () => unknown): unknown => {
  try {
    return attempt();
  } catch (error) {
    return error;
  }
};

test("nothing cached: nothing happens", () => {
  expect(useSoftwareGpu({ cacheFolder: join(root, "none") })).toBeUndefined();
});

test("a worker thread is told what to do instead", async () => {
  const cacheFolder = await cacheWith(async () => {});
  vi.resetModules();
  vi.doMock("node:worker_threads", () => ({ isMainThread: false }));
  const inWorker = await import("./use-software-gpu.ts");
  const failure = failureOf(() => inWorker.useSoftwareGpu({ cacheFolder }));
  vi.doUnmock("node:worker_threads");
  expect(StateError.is(failure)).toBe(true);
  expect(String(failure)).toContain("childEnvironment()");
});

test("a file that is no library is named, with the fix", async () => {
  const cacheFolder = await cacheWith((lib) => writeFile(join(lib, "libdriver.so"), "not a library"));
  const failure = failureOf(() => useSoftwareGpu({ cacheFolder }));
  expect(NoSoftwareGpuError.is(failure)).toBe(true);
  expect(String(failure)).toMatch(/libdriver\.so.*software-gpu remove/);
});

test.runIf(process.platform === "linux")("libraries are loaded, the environment is set, Dawn starts anew", async () => {
  const { sharedObjects } = process.report!.getReport() as unknown as { sharedObjects: string[] };
  const libm = sharedObjects.find((path) => path.includes("libm.so"))!;
  const cacheFolder = await cacheWith((lib) => copyFile(libm, join(lib, "libdriver.so")));
  const before = getDawn(["backend=null"]);
  const driver = useSoftwareGpu({ cacheFolder })!;
  expect(await readFile("/proc/self/maps", "utf8")).toContain(join(driver.libraryFolder, "libdriver.so"));
  expect(process.env.VK_DRIVER_FILES).toContain(driver.icd);
  expect(process.env.LD_LIBRARY_PATH).toContain(driver.libraryFolder);
  expect(getDawn(["backend=null"])).not.toBe(before);
  expect(useSoftwareGpu({ cacheFolder: join(root, "none") })).toBe(driver);
});
