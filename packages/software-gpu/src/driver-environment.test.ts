import { expect, test } from "vitest";
import { driverEnvironment } from "./driver-environment.ts";

const driver = {
  source: "lavapipe",
  version: "25.0.7",
  folder: "/cache/d",
  icd: "/cache/d/icd.json",
  libraryFolder: "/cache/d/lib",
} as const;

test("an empty environment gets the driver alone", () => {
  expect(driverEnvironment(driver, {})).toEqual({
    LD_LIBRARY_PATH: "/cache/d/lib",
    VK_DRIVER_FILES: "/cache/d/icd.json",
    VK_ICD_FILENAMES: "/cache/d/icd.json",
  });
});

test("what the user set stays in front, under the old name too, and nothing is added twice", () => {
  const user = { LD_LIBRARY_PATH: "/opt/a:/opt/b", VK_ICD_FILENAMES: "/opt/nvidia.json" };
  const once = driverEnvironment(driver, user);
  expect(once).toEqual({
    LD_LIBRARY_PATH: "/opt/a:/opt/b:/cache/d/lib",
    VK_DRIVER_FILES: "/opt/nvidia.json:/cache/d/icd.json",
    VK_ICD_FILENAMES: "/opt/nvidia.json:/cache/d/icd.json",
  });
  expect(driverEnvironment(driver, once)).toEqual(once);
});
