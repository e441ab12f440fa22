import { expect, test } from "vitest";
import { getDawn } from "./dawn.ts";
import { dawnInstances, retireDawnInstances } from "./dawn-instances.ts";
import { doctor } from "./doctor.ts";
import { childEnvironment } from "./ensure-software-gpu.ts";
import { probeAdapter } from "./probe-adapter.ts";

test("Dawn, in a child process with the child environment, has an adapter", async () => {
  const { adapter, log } = await probeAdapter(await childEnvironment());
  expect(adapter, log).toBeDefined();
  expect(adapter!.description).not.toBe("");
  expect(adapter!.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
});

test("without a driver there is no adapter, and the log has the reason", async () => {
  const { adapter } = await probeAdapter({ VK_DRIVER_FILES: "/no/driver.json", VK_ICD_FILENAMES: "/no/driver.json" });
  expect(adapter).toBeUndefined();
});

test("the report agrees with what it found and ends with the next step", async () => {
  const { ok, system, driver, lines } = await doctor({ cacheFolder: "/no/cache" });
  expect(driver).toBeUndefined();
  expect(ok).toBe(system.adapter !== undefined);
  expect(lines[0]).toContain(process.versions.node);
  expect(lines.at(-1)).toMatch(ok ? /^Next: nothing to do/ : /^Next: (run|update|install)/);
});

test("one Dawn instance a process and option set; a retired one stays referenced", async () => {
  const options = ["backend=null"];
  const first = getDawn(options);
  expect(getDawn(options)).toBe(first);
  expect(getDawn(["backend=null", "enable-dawn-features=allow_unsafe_apis"])).not.toBe(first);
  retireDawnInstances();
  expect(getDawn(options)).not.toBe(first);
  expect(dawnInstances().retired).toContain(first);
});

test("experimental features are on by default, on the null backend too", async () => {
  const unsafe = await getDawn(["backend=null", "enable-dawn-features=allow_unsafe_apis"]).requestAdapter();
  const plain = await getDawn(["backend=null"]).requestAdapter();
  const feature = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
  expect([unsafe!.features.has(feature), plain!.features.has(feature)]).toEqual([true, false]);
});
