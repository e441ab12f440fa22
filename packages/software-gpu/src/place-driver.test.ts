import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FetchedDriver, placeDriver } from "./place-driver.ts";
import { removeSoftwareGpu } from "./remove-software-gpu.ts";
import { driverKey, findSoftwareGpu } from "./software-driver.ts";

let cacheFolder: string;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "ds3-place-"));
});
afterEach(() => rm(cacheFolder, { recursive: true, force: true }));

/** Writes a library whose text is `content`. */
const fetcher =
  (content: string) =>
  async (_work: string, lib: string): Promise<FetchedDriver> => {
    await writeFile(join(lib, "libdriver.so"), content);
    return { version: content, driverLibrary: "libdriver.so", apiVersion: "1.3.0" };
  };

test("the ICD manifest names the library, relative to itself", async () => {
  const driver = await placeDriver(cacheFolder, "swiftshader", fetcher("1.0"));
  const { ICD, file_format_version } = JSON.parse(await readFile(driver.icd, "utf8"));
  expect([ICD.api_version, file_format_version]).toEqual(["1.3.0", "1.0.0"]);
  expect(await readFile(resolve(driver.folder, ICD.library_path), "utf8")).toBe("1.0");
  expect(findSoftwareGpu({ cacheFolder })).toEqual(driver);
});

test("lavapipe is preferred, a source can be asked for, and remove takes both", async () => {
  await placeDriver(cacheFolder, "swiftshader", fetcher("1.0"));
  await placeDriver(cacheFolder, "lavapipe", fetcher("2.0"));
  expect(findSoftwareGpu({ cacheFolder })?.source).toBe("lavapipe");
  expect(findSoftwareGpu({ cacheFolder, source: "swiftshader" })?.version).toBe("1.0");
  expect(await removeSoftwareGpu({ cacheFolder })).toHaveLength(2);
  expect(await readdir(cacheFolder)).toEqual([]);
});

test("a failed download leaves nothing behind", async () => {
  const failing = async (_work: string, lib: string): Promise<FetchedDriver> => {
    await writeFile(join(lib, "half.so"), "half");
    throw new Error("connection lost");
  };
  await expect(placeDriver(cacheFolder, "lavapipe", failing)).rejects.toThrow("connection lost");
  expect(await readdir(cacheFolder)).toEqual([]);
});

test("of two installations at once one wins whole and both return it", async () => {
  const drivers = await Promise.all(["a", "b"].map((name) => placeDriver(cacheFolder, "lavapipe", fetcher(name))));
  expect(drivers[0]).toEqual(drivers[1]);
  expect(await readFile(join(drivers[0]!.libraryFolder, "libdriver.so"), "utf8")).toBe(drivers[0]!.version);
  expect(await readdir(cacheFolder)).toEqual([driverKey("lavapipe")]);
});
