import { ensureSoftwareGpu, useSoftwareGpu } from "@ds3/software-gpu";
import { beforeEach, expect, test, vi } from "vitest";
import { NoAdapterError } from "./errors.ts";
import { openGpu } from "./open-gpu.ts";

// A machine without any adapter, whose downloads bring none either.
vi.mock("@ds3/software-gpu", () => ({
  getDawn: () => ({ requestAdapter: async () => undefined }),
  ensureSoftwareGpu: vi.fn(async () => undefined),
  useSoftwareGpu: vi.fn(() => undefined),
}));

beforeEach(() => vi.clearAllMocks());

test("openGpu uses a driver that is in the cache, and never downloads one by itself", async () => {
  await expect(openGpu()).rejects.toThrow(NoAdapterError);
  await expect(openGpu()).rejects.toThrow("npx @ds3/software-gpu install");
  expect(useSoftwareGpu).toHaveBeenCalledWith();
  expect(ensureSoftwareGpu).not.toHaveBeenCalled();
});

test("with software: fetch it may download, and says so to whoever asked", async () => {
  const onMessage = vi.fn();
  await expect(openGpu({ software: "fetch", onMessage })).rejects.toThrow(NoAdapterError);
  expect(ensureSoftwareGpu).toHaveBeenLastCalledWith({ fetch: true, onMessage });
  await expect(openGpu({ software: "fetch" })).rejects.toThrow(NoAdapterError);
  expect(ensureSoftwareGpu).toHaveBeenLastCalledWith({ fetch: true });
});
