import { testGpuOptions } from "@ds3/testing";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { globals } from "webgpu";
import { backend } from "#backend";
import { scale } from "./arithmetic.ts";
import { BufferPool } from "./buffer-pool.ts";
import { CommandStream } from "./command-stream.ts";
import { DeviceState } from "./device-state.ts";
import { BindingLimitError, DeviceLostError, GpuValidationError, NoAdapterError, OutOfMemoryError } from "./errors.ts";
import { defineKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { openGpu } from "./open-gpu.ts";

describe("a lost device", () => {
  test("rejects all that is pending, in mid-step, and frees what scopes and tapes hold", async () => {
    const gpu = await openGpu(testGpuOptions());
    const before = gpu.stats.liveBuffers;
    const scope = gpu.scope("step");
    const tape = gpu.tape();
    const x = tape.watch(gpu.full([8, 8], 1));
    const y = matmul(x, x);
    const pending = [y.data(), x.data(), gpu.idle()];
    gpu.device.destroy();
    const results = await Promise.allSettled(pending);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    for (const result of results) expect((result as PromiseRejectedResult).reason).toBeInstanceOf(DeviceLostError);
    for (const call of [() => tape.backward(y), () => gpu.zeros([1]), () => gpu.clear(x), () => gpu.flush()])
      expect(call).toThrow(DeviceLostError);
    tape.close();
    scope.close();
    expect(gpu.stats.liveBuffers).toBe(before);
    await gpu.close();
  });

  test("close in the middle of a read rejects it by name", async () => {
    const gpu = await openGpu(testGpuOptions());
    const reading = gpu.full([4], 1).data();
    const [result] = await Promise.allSettled([reading, gpu.close()]);
    expect(result).toMatchObject({ status: "rejected", reason: expect.any(DeviceLostError) });
    expect(() => gpu.fork().zeros([1])).toThrow(/gpu.close/);
  });
});

test("a kernel that does not compile is named by the next call", async () => {
  const gpu = await openGpu(testGpuOptions());
  const broken = defineKernel({
    label: "broken kernel",
    uniforms: { n: "u32" },
    writes: { result: "f32" },
    body: "@compute @workgroup_size(1) fn main() { result[0] = u.n; }",
  });
  const result = gpu.zeros([1]);
  gpu.dispatch(broken, { result }, { n: 1 }, [1]);
  await expect(result.data()).rejects.toThrow(GpuValidationError);
  await expect(gpu.idle()).rejects.toThrow(/broken kernel/);
  await gpu.close();
});

describe("out of memory", () => {
  test("a buffer above the adapter's limit is refused at once; one just below is not rounded above it", async () => {
    const gpu = await openGpu({ ...testGpuOptions(), limits: "default" });
    const { maxBufferSize } = gpu.device.limits;
    expect(() => gpu.empty([maxBufferSize / 4 + 1], "f32", "too long")).toThrow(OutOfMemoryError);
    expect(() => gpu.empty([maxBufferSize / 4 + 1], "f32", "too long")).toThrow(/too long: .*maxBufferSize/);
    const device = { limits: { maxBufferSize: 1001 }, createBuffer: () => ({}) } as unknown as GPUDevice;
    expect(new BufferPool(device).acquire(900, "near the limit").bytes).toBe(1000);
    await gpu.close();
  });

  test("more than the machine has is refused on a software adapter, which would promise it", () => {
    const device = { limits: { maxBufferSize: 2 ** 30 }, createBuffer: () => ({}) } as unknown as GPUDevice;
    const pool = new BufferPool(device, 2048);
    pool.release(pool.acquire(1024, "first"));
    pool.acquire(1024, "first again");
    pool.acquire(1024, "second");
    expect(() => pool.acquire(4, "third")).toThrow(/third: expected at most 2048 bytes in all, got 2304/);
  });

  test("that limit is below what the machine has left, where the adapter runs on it", async () => {
    const available = process.availableMemory();
    const limit = backend.memoryBytes!;
    expect(limit).toBeGreaterThan(0.5 * available);
    expect(limit).toBeLessThan(0.95 * available);
    const spy = vi.spyOn(backend, "memoryBytes", "get").mockReturnValue(4096);
    const gpu = await openGpu(testGpuOptions());
    spy.mockRestore();
    if (gpu.adapter.isSoftware) expect(() => gpu.empty([2048], "f32", "a lot")).toThrow(/at most 4096 bytes in all/);
    await gpu.close();
  });

  test("what the device reports later is named by the next call", async () => {
    const gpu = await openGpu(testGpuOptions());
    const events = new EventTarget();
    const device = Object.assign(events, { limits: gpu.device.limits, lost: new Promise<never>(() => {}) });
    const { adapter, target } = gpu;
    const state = new DeviceState({
      device: device as unknown as GPUDevice,
      backend: { installHint: "", memoryBytes: undefined, requestAdapter: vi.fn(), wait: (promise) => promise },
      adapter,
      target,
      pool: new BufferPool(gpu.device),
      stream: new CommandStream(gpu.device),
    });
    state.assertUsable();
    const error = new (globals as { GPUOutOfMemoryError: new (message: string) => GPUError }).GPUOutOfMemoryError(
      "full",
    );
    events.dispatchEvent(Object.assign(new Event("uncapturederror"), { error }));
    expect(() => state.assertUsable()).toThrow(OutOfMemoryError);
    await expect(state.wait(Promise.resolve(1))).rejects.toThrow(/smaller batch/);
    await gpu.close();
  });
});

test("a tensor above the binding limit is refused by the op's name", async () => {
  const gpu = await openGpu({ ...testGpuOptions(), limits: "default" });
  expect(gpu.maxBindingBytes).toBe(128 * 1024 * 1024);
  const x = gpu.empty([gpu.maxBindingBytes / 4 + 4]);
  expect(() => scale(x, 2)).toThrow(BindingLimitError);
  expect(() => scale(x, 2)).toThrow(/scale.*at most 134217728 bytes/);
  await gpu.close();
});

test("an adapter that opens no device is named", async () => {
  const adapter = { features: new Set(), limits: {}, info: { description: "Brittle" } };
  const requestDevice = () => Promise.reject(new Error("too many devices"));
  const fake = { ...adapter, requestDevice } as unknown as GPUAdapter;
  const spy = vi.spyOn(backend, "requestAdapter").mockResolvedValue(fake);
  await expect(openGpu()).rejects.toThrow(NoAdapterError);
  await expect(openGpu()).rejects.toThrow(/Brittle: .*got too many devices/);
  spy.mockRestore();
});

test("trim gives free buffers back and leaves what is encoded and held alone", async () => {
  const gpu = await openGpu(testGpuOptions());
  const x = gpu.full([1024], 2);
  {
    using _scope = gpu.scope();
    scale(x, 3);
  }
  const trimming = gpu.trim();
  const late = scale(x, 4);
  await trimming;
  expect(gpu.stats.allocatedBytes).toBe(gpu.stats.liveBytes);
  expect((await scale(late, 1).data())[1023]).toBe(8);
  await gpu.close();
});

describe("several devices", () => {
  test("two in one process work side by side", async () => {
    const [one, two] = [await openGpu(testGpuOptions()), await openGpu(testGpuOptions())];
    const [x, y] = [scale(one.full([2], 1), 2), scale(two.full([2], 10), 2)];
    await one.close();
    expect(await y.data()).toEqual(new Float32Array([20, 20]));
    await expect(x.data()).rejects.toThrow(DeviceLostError);
    await two.close();
  });

  describe("two copies of the package", () => {
    let copy: typeof import("./index.ts");
    beforeAll(async () => {
      vi.resetModules();
      copy = await import("./index.ts");
    });

    test("share Dawn, take each other's tensors, and know each other's errors", async () => {
      const [gpu, other] = [await openGpu(testGpuOptions()), await copy.openGpu(testGpuOptions())];
      expect(copy.openGpu).not.toBe(openGpu);
      const x = other.full([2, 2], 3);
      expect([...(await matmul(x, copy.matmul(x, x)).data())]).toEqual([108, 108, 108, 108]);
      await other.close();
      const failure = await x.data().catch((error: unknown) => error);
      expect([failure instanceof DeviceLostError, DeviceLostError.is(failure)]).toEqual([false, true]);
      await gpu.close();
    });
  });
});
