import "./symbols.ts";
import { backend } from "#backend";
import { adapterTarget } from "./adapter-target.ts";
import { BufferPool } from "./buffer-pool.ts";
import { CommandStream } from "./command-stream.ts";
import { type AdapterSummary, DeviceState } from "./device-state.ts";
import { NoAdapterError } from "./errors.ts";
import { Gpu } from "./gpu.ts";
import type { KernelRequest } from "./kernel-request.ts";
import { assertKernelTable, type KernelTable } from "./kernel-table.ts";
import type { SecondStage } from "./rehearse.ts";
import type { KernelTarget } from "./target.ts";

/** How to open a device. */
export interface OpenGpuOptions {
  /** "fetch" may download a software Vulkan driver when there is no adapter (Node on Linux). Default: never. */
  readonly software?: "fetch";
  /** Gets a line before a download that `software: "fetch"` allows, with its size, and one when it is done. */
  readonly onMessage?: (line: string) => void;
  /** "default" keeps WebGPU's default limits, to test for small adapters. Default: all that the adapter offers. */
  readonly limits?: "adapter" | "default";
  /** False runs without subgroup operations, to test for adapters that have none. */
  readonly subgroups?: boolean;
  readonly powerPreference?: GPUPowerPreference;
  /** Kernels that `tuneKernels` found fastest on this adapter, e.g. by `parseKernelTable`. Default: the built-in order. */
  readonly kernelTable?: KernelTable | undefined;
  /** Hears every product and attention that is encoded: what `tuneKernels` takes. */
  readonly onKernelRequest?: ((request: KernelRequest) => void) | undefined;
}

/** Features we can use; each is asked for when the adapter has it. */
const FEATURES = ["shader-f16", "subgroups", "timestamp-query", "chromium-experimental-subgroup-matrix"] as const;
/** Limits that let larger models run; all others stay at their defaults, alignments above all. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/**
 * Opens the best adapter there is: Dawn in Node, `navigator.gpu` in a browser.
 *
 * @throws NoAdapterError when there is none, the message names the command that fetches a software driver; also when
 * the adapter opens no device. NoSoftwareGpuError when `software: "fetch"` could not get a driver. KernelTableError when
 * the table is not valid or of another adapter.
 */
export async function openGpu(options: OpenGpuOptions = {}): Promise<Gpu> {
  const { software, onMessage, limits = "adapter", subgroups = true, powerPreference = "high-performance" } = options;
  const adapter = await backend.requestAdapter({ powerPreference }, software && { fetch: true, onMessage });
  if (!adapter) throw noAdapter();
  const features = FEATURES.filter((name) => adapter.features.has(name) && (subgroups || name !== "subgroups"));
  const summary = summarize(adapter, features);
  const tuning = tuningOf(options, summary.name);
  const wanted = {
    requiredFeatures: features as readonly GPUFeatureName[] as GPUFeatureName[],
    requiredLimits: limits === "default" ? {} : Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  };
  const device = await adapter.requestDevice(wanted).catch((cause: Error) => {
    throw new NoAdapterError({
      op: "openGpu",
      operand: summary.name,
      expected: "a device with the features and limits that the adapter offers",
      actual: cause.message,
      cause,
    });
  });
  const target = { ...adapterTarget(adapter.info, device, summary.isSoftware), ...tuning };
  const pool = new BufferPool(device, summary.isSoftware ? backend.memoryBytes : undefined);
  const stream = new CommandStream(device);
  // Its devices share compiled kernels through the disk cache, and each compiles on a thread of its own.
  const openSecond = /llvmpipe|lavapipe/i.test(summary.name) ? () => openStage({ powerPreference }, wanted) : undefined;
  return new Gpu(new DeviceState({ device, backend, adapter: summary, target, pool, stream, openSecond }), false);
}

/** A second device for a rehearsal. */
async function openStage(options: GPURequestAdapterOptions, wanted: GPUDeviceDescriptor): Promise<SecondStage> {
  const adapter = await backend.requestAdapter(options);
  if (!adapter) throw noAdapter();
  const device = await adapter.requestDevice(wanted);
  // The first device meets the same errors, and names them.
  device.addEventListener("uncapturederror", (event) => event.preventDefault());
  const close = async (): Promise<void> => {
    await backend.wait(device.queue.onSubmittedWorkDone()).catch(() => {});
    device.destroy();
  };
  return { stream: new CommandStream(device), pool: new BufferPool(device), close };
}

function noAdapter(): NoAdapterError {
  return new NoAdapterError({
    op: "openGpu",
    operand: "adapter",
    expected: "a WebGPU adapter",
    actual: "none",
    hint: backend.installHint,
  });
}

function summarize(adapter: GPUAdapter, features: readonly string[]): AdapterSummary {
  const { description, vendor, device, architecture } = adapter.info;
  const name = description || device || architecture || "unknown adapter";
  return { name, vendor, isSoftware: isSoftware(adapter), features };
}

function tuningOf({ kernelTable, onKernelRequest }: OpenGpuOptions, adapter: string): Partial<KernelTarget> {
  return {
    ...(kernelTable ? { table: assertKernelTable(kernelTable, adapter) } : {}),
    ...(onKernelRequest ? { onRequest: onKernelRequest } : {}),
  };
}

function isSoftware({ info }: GPUAdapter): boolean {
  const isFallback = (info as GPUAdapterInfo & { isFallbackAdapter?: boolean }).isFallbackAdapter;
  return (
    isFallback === true || /llvmpipe|lavapipe|swiftshader|software/i.test(`${info.description} ${info.architecture}`)
  );
}
