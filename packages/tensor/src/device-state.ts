import type { Backend } from "./backend.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { CommandStream } from "./command-stream.ts";
import { DeviceLostError, GpuValidationError, OutOfMemoryError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import type { SecondStage } from "./rehearse.ts";
import { StagingPool } from "./staging-pool.ts";
import type { KernelTarget } from "./target.ts";

/** What is known of the adapter behind a `gpu`. */
export interface AdapterSummary {
  readonly name: string;
  readonly vendor: string;
  /** It runs on the CPU. */
  readonly isSoftware: boolean;
  readonly features: readonly string[];
}

/** What a device is made of. */
export interface DeviceParts {
  readonly device: GPUDevice;
  readonly backend: Backend;
  readonly adapter: AdapterSummary;
  readonly target: KernelTarget;
  readonly pool: BufferPool;
  readonly stream: CommandStream;
  /** Opens another device of the same adapter, where that helps to compile kernels. */
  readonly openSecond?: (() => Promise<SecondStage>) | undefined;
}

/** What all handles of one device share, and the first failure that the device reported. */
export class DeviceState implements DeviceParts {
  readonly device: GPUDevice;
  readonly backend: Backend;
  readonly adapter: AdapterSummary;
  readonly target: KernelTarget;
  readonly pool: BufferPool;
  readonly stream: CommandStream;
  readonly staging: StagingPool;
  readonly openSecond: (() => Promise<SecondStage>) | undefined;
  /** Limits, read once: every access to `device.limits` crosses into native code. */
  readonly maxBindingBytes: number;
  readonly offsetAlignment: number;
  /** The handle whose `run` is on the stack: it stands in for every other handle. */
  running: Gpu | undefined;
  /** Settles when no other device compiles kernels for this one any more. */
  compiling: Promise<unknown> = Promise.resolve();
  isClosed = false;
  #failure: Error | undefined;

  constructor(parts: DeviceParts) {
    this.device = parts.device;
    this.backend = parts.backend;
    this.adapter = parts.adapter;
    this.target = parts.target;
    this.pool = parts.pool;
    this.stream = parts.stream;
    this.staging = new StagingPool(parts.device);
    this.openSecond = parts.openSecond;
    this.maxBindingBytes = parts.device.limits.maxStorageBufferBindingSize;
    this.offsetAlignment = parts.device.limits.minStorageBufferOffsetAlignment;
    this.#watch();
  }

  /** Throws what the device reported, or DeviceLostError after `close`. */
  assertUsable(): void {
    if (this.#failure) throw this.#failure;
    if (this.isClosed) throw closedError();
  }

  /** Waits for a promise of the device; a rejection becomes the failure behind it. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let value: T;
    try {
      value = await this.backend.wait(promise);
    } catch (error) {
      this.assertUsable();
      throw describeFailure(error as Error, this.adapter.name);
    }
    this.assertUsable();
    return value;
  }

  #watch(): void {
    const { device, adapter } = this;
    device.addEventListener("uncapturederror", (event) => {
      // Without this a browser, and Dawn in Node, also print the error.
      event.preventDefault();
      this.#failure ??= describeFailure((event as GPUUncapturedErrorEvent).error, adapter.name);
    });
    void device.lost.then(({ reason, message }) => {
      if (!this.isClosed) this.#failure ??= lostError(adapter.name, `lost (${reason}): ${message}`);
    });
  }
}

function closedError(): DeviceLostError {
  return new DeviceLostError({
    op: "gpu",
    operand: "device",
    expected: "an open device",
    actual: "one that was closed",
    hint: "Await what is pending before gpu.close(), or open a new gpu.",
  });
}

function lostError(adapter: string, actual: string): DeviceLostError {
  return new DeviceLostError({
    op: "gpu",
    operand: adapter,
    expected: "a working device",
    actual,
    hint: "Open a new gpu and load the last checkpoint.",
  });
}

function describeFailure(error: { readonly message: string }, adapter: string): Error {
  const isMemory = error.constructor.name === "GPUOutOfMemoryError";
  const details = { op: "gpu", operand: adapter, actual: error.message, cause: error };
  return isMemory
    ? new OutOfMemoryError({
        ...details,
        expected: "enough memory",
        hint: "Open a new gpu and use a smaller batch, sequence or model.",
      })
    : new GpuValidationError({ ...details, expected: "valid commands", hint: "This is a bug in a kernel or an op." });
}
