import { DtypeError, ShapeError, StateError } from "@ds3/errors";
import type { Backend } from "./backend.ts";
import { BufferPool, BufferUsage, type PoolStats } from "./buffer-pool.ts";
import { type BufferRange, CommandStream, type StreamStats } from "./command-stream.ts";
import { bytesOf, type Dtype, describe, type HostArrays, sizeOf } from "./dtype.ts";
import { BindingLimitError, DeviceLostError, GpuValidationError, OutOfMemoryError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import { type Profile, TimestampTimer } from "./profiler.ts";
import { type Scope, ScopeStack } from "./scope.ts";
import { Storage } from "./storage.ts";
import { Tape } from "./tape.ts";
import type { KernelTarget } from "./target.ts";
import { Tensor } from "./tensor.ts";

/** What is known of the adapter behind a `gpu`. */
export interface AdapterSummary {
  readonly name: string;
  readonly vendor: string;
  /** It runs on the CPU. */
  readonly isSoftware: boolean;
  readonly features: readonly string[];
}

/** Counters since the device was opened. */
export interface GpuStats extends PoolStats, StreamStats {
  /** Ops that ran on the CPU instead of the GPU: always 0, there are no fallbacks. */
  readonly cpuFallbacks: 0;
}

/** What all handles of one device share. */
interface Shared {
  readonly device: GPUDevice;
  readonly backend: Backend;
  readonly adapter: AdapterSummary;
  readonly target: KernelTarget;
  readonly pool: BufferPool;
  readonly stream: CommandStream;
  failure: Error | undefined;
  closed: boolean;
}

/** Host data that `gpu.tensor` takes. */
export type HostData = ArrayLike<number>;

/**
 * A handle on a device: it allocates, opens scopes and tapes, and encodes commands. Ops take it from their operands.
 * Create the first one with `openGpu()`.
 */
export class Gpu {
  readonly #shared: Shared;
  readonly #scopes = new ScopeStack();
  readonly #tapes: Tape[] = [];
  readonly #isFork: boolean;
  #gradPaused = 0;
  #recomputing = 0;

  /** Use `openGpu()`. */
  constructor(shared: Shared, isFork: boolean) {
    this.#shared = shared;
    this.#isFork = isFork;
  }

  get adapter(): AdapterSummary {
    return this.#shared.adapter;
  }

  /** What kernel templates need to know of the adapter. */
  get target(): KernelTarget {
    return this.#shared.target;
  }

  get device(): GPUDevice {
    return this.#shared.device;
  }

  /** Largest number of bytes that one op can see of one tensor. */
  get maxBindingBytes(): number {
    return this.#shared.device.limits.maxStorageBufferBindingSize;
  }

  get stats(): GpuStats {
    return { ...this.#shared.pool.stats, ...this.#shared.stream.stats, cpuFallbacks: 0 };
  }

  /** True inside the second run of a `checkpoint`: side effects such as counting loads are left out. */
  get isRecomputing(): boolean {
    return this.#recomputing > 0;
  }

  get activeTape(): Tape | undefined {
    return this.#gradPaused > 0 ? undefined : this.#tapes.at(-1);
  }

  /** The same device with own scopes and tapes, for an async task beside the first one. Commands keep program order. */
  fork(): Gpu {
    return new Gpu(this.#shared, true);
  }

  scope(label = "scope"): Scope {
    return this.#scopes.push(label);
  }

  /** Starts recording. Without an open tape ops record nothing. */
  tape(): Tape {
    const tape = new Tape(this, (closed) => {
      const index = this.#tapes.indexOf(closed);
      if (index >= 0) this.#tapes.splice(index, 1);
    });
    this.#tapes.push(tape);
    return tape;
  }

  /** Runs `fn` without recording. */
  noGrad<T>(fn: () => T): T {
    this.#gradPaused += 1;
    try {
      return fn();
    } finally {
      this.#gradPaused -= 1;
    }
  }

  /** Runs `fn` as the second run of a checkpointed function. */
  recompute<T>(fn: () => T): T {
    this.#recomputing += 1;
    const paused = this.#gradPaused;
    this.#gradPaused = 0;
    try {
      return fn();
    } finally {
      this.#gradPaused = paused;
      this.#recomputing -= 1;
    }
  }

  /** A tensor whose content is undefined until a kernel writes all of it. */
  empty(shape: readonly number[], dtype: Dtype = "f32", label = "tensor"): Tensor {
    this.#assertUsable();
    assertShape(shape, label);
    const storage = new Storage(this.#shared.pool, Math.max(4, bytesOf(shape, dtype)), label);
    this.#scopes.current.adopt(storage);
    return new Tensor({ gpu: this, storage, shape, dtype, byteOffset: 0 });
  }

  /** Uploads host data. Its length must be the size of `shape`; values are converted to `dtype`. */
  tensor(data: HostData, shape: readonly number[] = [data.length], dtype: Dtype = "f32", label = "tensor"): Tensor {
    const tensor = this.empty(shape, dtype, label);
    this.write(tensor, data);
    return tensor;
  }

  zeros(shape: readonly number[], dtype: Dtype = "f32"): Tensor {
    const tensor = this.empty(shape, dtype, "zeros");
    this.clear(tensor);
    return tensor;
  }

  full(shape: readonly number[], value: number): Tensor {
    return this.tensor(new Float32Array(sizeOf(shape)).fill(value), shape, "f32", "full");
  }

  /** Sets every byte of a tensor to zero, in place. For gradients and states, not for results of ops. */
  clear(tensor: Tensor): void {
    if (tensor.size > 0) this.#shared.stream.clear(rangeOf(tensor));
  }

  /** Uploads into an existing tensor, in order with what was encoded so far. */
  write(tensor: Tensor, data: HostData): void {
    const expected = tensor.dtype === "bf16" ? tensor.bytes / 2 : tensor.size;
    if (data.length !== expected) {
      throw new ShapeError({
        op: "tensor",
        operand: "data",
        expected: `${expected} values for ${tensor}`,
        actual: `${data.length}`,
      });
    }
    if (data.length > 0) this.#shared.stream.write(rangeOf(tensor), toHostArray(data, tensor.dtype));
  }

  /** Encodes one kernel. Operands are given by binding name, uniforms by uniform name. */
  dispatch(
    kernel: Kernel,
    operands: Readonly<Record<string, Tensor>>,
    uniforms: Readonly<Record<string, number>>,
    groups: readonly [number, number?, number?],
  ): void {
    this.#assertUsable();
    if (groups.some((n) => n === 0)) return;
    const ranges = kernel.bindings.map(({ name, access }) => {
      const tensor = operands[name];
      if (!tensor) throw missing(kernel, `operand ${name}`);
      return rangeOf(access === "read" ? this.#aligned(tensor) : tensor);
    });
    const values = kernel.uniforms.map(([name]) => {
      const value = uniforms[name];
      if (value === undefined) throw missing(kernel, `uniform ${name}`);
      return value;
    });
    this.#assertBindable(kernel, ranges);
    this.#shared.stream.dispatch(kernel, ranges, values, groups as readonly number[]);
  }

  /** Copies all of `source` to a byte offset of `target`, in place. */
  copy(source: Tensor, target: Tensor, byteOffset: number): void {
    const to = { ...rangeOf(target), offset: target.byteOffset + byteOffset };
    this.#shared.stream.copy(rangeOf(source), to);
  }

  /** Reads a tensor back. Submits pending commands first. */
  async read(tensor: Tensor): Promise<HostArrays[Dtype]> {
    this.#assertUsable();
    const { device, stream, backend } = this.#shared;
    const { bytes } = tensor;
    if (bytes === 0) return hostView(new ArrayBuffer(0), tensor.dtype);
    const usage = BufferUsage.mapRead | BufferUsage.copyDst;
    const staging = device.createBuffer({ label: "read back", size: bytes, usage });
    stream.stage(rangeOf(tensor), staging);
    try {
      await backend.wait(staging.mapAsync(1));
      this.#assertUsable();
      return hostView(staging.getMappedRange().slice(0), tensor.dtype);
    } catch (error) {
      throw this.#shared.failure ?? error;
    } finally {
      staging.destroy();
    }
  }

  /** Submits pending commands without waiting. */
  flush(): void {
    this.#shared.stream.flush();
  }

  /** Resolves when the device has done all that was encoded. Throws what the device reported. */
  async idle(): Promise<void> {
    this.flush();
    await this.#shared.backend.wait(this.#shared.device.queue.onSubmittedWorkDone());
    this.#assertUsable();
  }

  /** Runs `fn` with every dispatch timed. Slower than an ordinary run; needs the adapter's `timestamp-query`. */
  async profile(fn: () => void | Promise<void>): Promise<Profile> {
    if (!this.#shared.device.features.has("timestamp-query")) {
      throw new StateError({
        op: "profile",
        operand: this.adapter.name,
        expected: "an adapter with timestamp-query",
        actual: "none",
      });
    }
    const timer = new TimestampTimer(this.#shared.device);
    this.#shared.stream.setTimer(timer);
    try {
      await fn();
    } finally {
      this.#shared.stream.setTimer(undefined);
    }
    await this.idle();
    return this.#shared.backend.wait(timer.read());
  }

  /** The scope that owns what is allocated now. */
  get currentScope(): Scope {
    return this.#scopes.current;
  }

  /** Frees one tensor before its scope ends. */
  free(tensor: Tensor): void {
    if (!tensor.isFreed) this.#scopes.free(tensor.storage);
  }

  /** Gives the innermost scope one reference to a storage. Internal. */
  adopt(storage: Storage): void {
    this.#scopes.current.adopt(storage);
  }

  /** Gives memory that no tensor holds back to the device. */
  async trim(): Promise<void> {
    await this.idle();
    this.#shared.stream.forgetBindGroups();
    this.#shared.pool.trim();
  }

  /** Starts a new `peakBytes`. */
  resetPeak(): void {
    this.#shared.pool.resetPeak();
  }

  /** Frees this handle's tensors; the first handle also destroys the device. */
  async close(): Promise<void> {
    for (const tape of [...this.#tapes]) tape.close();
    this.#scopes.closeAll();
    if (this.#isFork || this.#shared.closed) return;
    this.#shared.closed = true;
    this.#shared.stream.flush();
    this.#shared.device.destroy();
    await this.#shared.backend.wait(this.#shared.device.lost);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertUsable(): void {
    if (this.#shared.failure) throw this.#shared.failure;
    if (this.#shared.closed) {
      throw new DeviceLostError({
        op: "gpu",
        operand: "device",
        expected: "an open device",
        actual: "one that was closed",
      });
    }
  }

  /** A view that starts off the binding alignment is copied; outputs and arenas never are. */
  #aligned(tensor: Tensor): Tensor {
    if (tensor.byteOffset % this.#shared.device.limits.minStorageBufferOffsetAlignment === 0) return tensor;
    const copy = this.empty(tensor.shape, tensor.dtype, "aligned view");
    this.copy(tensor, copy, 0);
    return copy;
  }

  #assertBindable(kernel: Kernel, ranges: readonly BufferRange[]): void {
    for (const [i, { bytes, pooled }] of ranges.entries()) {
      const { name, access } = kernel.bindings[i]!;
      if (bytes > this.maxBindingBytes) {
        throw new BindingLimitError({
          op: kernel.label,
          operand: name,
          expected: `at most ${this.maxBindingBytes} bytes in one binding of ${this.adapter.name}`,
          actual: `${bytes}`,
          hint: "Split the tensor, or use a smaller batch or vocabulary.",
        });
      }
      if (
        access === "read_write" &&
        ranges.some((other, j) => j !== i && other.pooled === pooled && kernel.bindings[j]!.access === "read")
      ) {
        throw new StateError({
          op: kernel.label,
          operand: name,
          expected: "a buffer of its own",
          actual: "an input's buffer",
        });
      }
    }
  }
}

/** Wraps a device. Internal: `openGpu` calls it. */
export function createGpu(device: GPUDevice, backend: Backend, adapter: AdapterSummary, target: KernelTarget): Gpu {
  const pool = new BufferPool(device);
  const stream = new CommandStream(device);
  const shared: Shared = { device, backend, adapter, target, pool, stream, failure: undefined, closed: false };
  device.addEventListener?.("uncapturederror", (event) => {
    shared.failure ??= describeFailure((event as GPUUncapturedErrorEvent).error, adapter.name);
  });
  void device.lost.then(({ reason, message }) => {
    if (shared.closed) return;
    shared.failure ??= new DeviceLostError({
      op: "gpu",
      operand: adapter.name,
      expected: "a working device",
      actual: `lost (${reason}): ${message}`,
      hint: "Open a new gpu and load the last checkpoint.",
    });
  });
  return new Gpu(shared, false);
}

function describeFailure(error: GPUError, adapter: string): Error {
  const isMemory = error.constructor.name === "GPUOutOfMemoryError";
  const details = { op: "gpu", operand: adapter, actual: error.message };
  return isMemory
    ? new OutOfMemoryError({ ...details, expected: "enough memory", hint: "Use a smaller batch, sequence or model." })
    : new GpuValidationError({ ...details, expected: "valid commands", hint: "This is a bug in a kernel or an op." });
}

function rangeOf(tensor: Tensor): BufferRange {
  return { pooled: tensor.storage.pooled, offset: tensor.byteOffset, bytes: Math.max(4, tensor.bytes) };
}

function missing(kernel: Kernel, what: string): StateError {
  return new StateError({ op: kernel.label, operand: what, expected: "a value", actual: "none" });
}

function assertShape(shape: readonly number[], label: string): void {
  if (shape.every((n) => Number.isInteger(n) && n >= 0)) return;
  throw new ShapeError({
    op: "tensor",
    operand: label,
    expected: "axes that are integers >= 0",
    actual: `[${shape.join(", ")}]`,
  });
}

function toHostArray(data: HostData, dtype: Dtype): HostArrays[Dtype] {
  const type = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bf16: Uint16Array }[dtype];
  if (data instanceof type && data.buffer instanceof ArrayBuffer) return data as HostArrays[Dtype];
  return type.from(data) as HostArrays[Dtype];
}

function hostView(buffer: ArrayBuffer, dtype: Dtype): HostArrays[Dtype] {
  if (dtype === "f32") return new Float32Array(buffer);
  if (dtype === "i32") return new Int32Array(buffer);
  if (dtype === "u32") return new Uint32Array(buffer);
  return new Uint16Array(buffer);
}

/** Checks a tensor's dtype. */
export function assertDtype(op: string, operand: string, tensor: Tensor, dtype: Dtype): void {
  if (tensor.dtype === dtype) return;
  throw new DtypeError({ op, operand, expected: dtype, actual: describe(tensor.shape, tensor.dtype) });
}
