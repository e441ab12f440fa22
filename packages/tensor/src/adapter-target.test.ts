import { expect, test } from "vitest";
import { adapterTarget } from "./adapter-target.ts";

const limits = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 32768 };
const config = { M: 16, N: 8, K: 32, componentType: "f16", resultComponentType: "f32" };
const info = {
  ...{ subgroupMinSize: 32, subgroupMaxSize: 32 },
  subgroupMatrixConfigs: [config, { ...config, componentType: "u8", resultComponentType: "u32" }],
};

test("features that the device has enabled, with its limits", () => {
  const features = new Set(["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"]);
  expect(adapterTarget(info, { features, limits }, false)).toEqual({
    ...{ software: false, subgroupSize: 32, f16: true, maxWorkgroupSize: 1024, maxWorkgroupBytes: 32768 },
    subgroupMatrix: [{ M: 16, N: 8, K: 32, component: "f16", result: "f32" }],
  });
});

test("what the adapter has, but the device has not enabled, is not there", () => {
  const target = adapterTarget(info, { features: new Set(), limits }, true);
  expect(target).toEqual({
    ...{ software: true, subgroupSize: 0, f16: false, maxWorkgroupSize: 1024, maxWorkgroupBytes: 32768 },
  });
});

test("subgroups of several sizes count as none", () => {
  const offer = { features: new Set(["subgroups"]), limits };
  expect(adapterTarget({ subgroupMinSize: 32, subgroupMaxSize: 64 }, offer, false).subgroupSize).toBe(0);
  expect(adapterTarget({}, offer, false).subgroupSize).toBe(0);
});
