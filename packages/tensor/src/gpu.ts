import { DtypeError, StateError } from "@ds3/errors";
import { bindOperands, rangeOf } from "./bind-operands.ts";
import type { PoolStats } from "./buffer-pool.ts";
import type { StreamStats } from "./command-stream.ts";
import type { AdapterSummary, DeviceState } from "./device-state.ts";
import { assertShape, bytesOf, type Dtype, describe, type HostArrays, sizeOf } from "./dtype.ts";
import type { Kernel } from "./kernel.ts";
import type { KernelTable } from "./kernel-table.ts";
import { type Profile, TimestampTimer, type Work } from "./profiler.ts";
import { Recording } from "./recording.ts";
import { rehearse } from "./rehearse.ts";
import { type Scope, ScopeStack } from "./scope.ts";
import { Storage } from "./storage.ts";
import type { Tape } from "./tape.ts";
import type { KernelTarget } from "./target.ts";
import { Tensor } from "./tensor.ts";
import { assertLength, copyBytes, type HostData, readBack, upload } from "./transfers.ts";

/** Counters since the device was opened. */
export interface GpuStats extends PoolStats, StreamStats {
  /** Ops that ran on the CPU instead of the GPU: 0 by construction, not counted, since no op has a CPU path. */
  readonly cpuFallbacks: 0;
}

/**
 * A handle on a device: it allocates, opens scopes and tapes, and encodes commands. Ops take it from their operands.
 * Create the first one with `openGpu()`.
 */
export class Gpu {
  readonly #state: DeviceState;
  // What a scope's `own` makes outlives a rehearsal, so it is made for real.
  readonly #scopes = new ScopeStack((fn) => this.#enter(() => this.#state.stream.perform(fn)));
  readonly #recording = new Recording();
  readonly #isFork: boolean;

  /** Use `openGpu()`. */
  constructor(state: DeviceState, isFork: boolean) {
    this.#state = state;
    this.#isFork = isFork;
  }

  get adapter(): AdapterSummary {
    return this.#state.adapter;
  }

  /** What kernel templates need to know of the adapter. */
  get target(): KernelTarget {
    return this.#state.target;
  }

  /** The measured choices of kernels that the device was opened with. */
  get kernelTable(): KernelTable | undefined {
    return this.#state.target.table;
  }

  get device(): GPUDevice {
    return this.#state.device;
  }

  /** Largest number of bytes that one op can see of one tensor. */
  get maxBindingBytes(): number {
    return this.#state.maxBindingBytes;
  }

  get stats(): GpuStats {
    return { ...this.#state.pool.stats, ...this.#state.stream.stats, cpuFallbacks: 0 };
  }

  /** True inside the second run of a `checkpoint`: side effects such as counting loads are left out. */
  get isRecomputing(): boolean {
    return this.#active.#recording.isRecomputing;
  }

  /** True inside `rehearse`. */
  get isRehearsing(): boolean {
    return this.#state.stream.isRehearsing;
  }

  get activeTape(): Tape | undefined {
    return this.#active.#recording.activeTape;
  }

  /**
   * The same device with own scopes and tapes, for an async task beside the first one. Commands keep program order.
   * Ops allocate and record on the handle of their operands; to work on the tensors of another handle, e.g. to evaluate
   * a model between two steps of its training, call them inside `run`.
   */
  fork(): Gpu {
    return new Gpu(this.#state, true);
  }

  /**
   * Runs `fn` with this handle in place of every other one of the device: what `fn` allocates, opens and records is this
   * handle's, whichever handle its operands belong to. `fn` must be synchronous: between two awaits call `run` again.
   *
   * ```ts
   * const fork = gpu.fork();
   * using scope = fork.scope("evaluate");
   * const loss = await fork.run(() => crossEntropy(model(ids), targets)).item();
   * ```
   * @throws StateError when `fn` returns a promise: its rest would run outside.
   */
  run<T>(fn: () => T): T {
    const result = this.#enter(fn);
    if (!(result instanceof Promise)) return result;
    throw new StateError({
      op: "run",
      operand: "fn",
      expected: "a synchronous function",
      actual: "one that returns a promise",
      hint: "Await outside: ops are synchronous, only data() and idle() are not.",
    });
  }

  /**
   * Runs `fn`, e.g. a whole training step, without its commands: dispatches, uploads, copies and clears are checked and
   * left out, so no tensor changes. Then each kernel that was dispatched there for the first time runs once, on scratch
   * memory, so that the driver has compiled it when it is needed. Returns while the driver compiles.
   *
   * Tensors that `fn` makes are allocated for real and freed at the end: their memory is there for the real run. Only what
   * `scope.own` makes stays, and is made for real. Side effects of `fn` on the host happen; `isRehearsing` tells.
   * @throws StateError when `fn` returns a promise, or a tape is open. `data()` inside rejects with a StateError.
   */
  rehearse(fn: () => void): void {
    this.#state.assertUsable();
    rehearse(this.#state, this.#active.#recording.activeTape, () =>
      this.#enter(() => {
        using _scope = this.scope("rehearsal");
        return fn();
      }),
    );
  }

  /** Resolves when rehearsals so far leave nothing to compile that is not begun: before that, it might be done twice. */
  async rehearsed(): Promise<void> {
    await this.#state.compiling;
  }

  #enter<T>(fn: () => T): T {
    const before = this.#state.running;
    this.#state.running = this;
    try {
      return fn();
    } finally {
      this.#state.running = before;
    }
  }

  /** The handle that allocates and records now. */
  get #active(): Gpu {
    return this.#state.running ?? this;
  }

  scope(label = "scope"): Scope {
    return this.#active.#scopes.push(label);
  }

  /** Starts recording. Without an open tape ops record nothing. */
  tape(): Tape {
    const handle = this.#active;
    return handle.#recording.open(handle);
  }

  /** Runs `fn` without recording. */
  noGrad<T>(fn: () => T): T {
    return this.#active.#recording.pause(fn);
  }

  /** Runs `fn` as the second run of a checkpointed function. */
  recompute<T>(fn: () => T): T {
    return this.#active.#recording.recompute(fn);
  }

  /** A tensor whose content is undefined until a kernel writes all of it. */
  empty(shape: readonly number[], dtype: Dtype = "f32", label = "tensor"): Tensor {
    this.#state.assertUsable();
    assertShape(shape, dtype, label);
    const handle = this.#active;
    const owner = handle.#scopes.current;
    const storage = new Storage(this.#state.pool, Math.max(4, bytesOf(shape, dtype)), label);
    owner.adopt(storage);
    return new Tensor({ gpu: handle, storage, shape, dtype, byteOffset: 0 });
  }

  /** Uploads host data. Its length must be the size of `shape`; values are converted to `dtype`. */
  tensor(data: HostData, shape: readonly number[] = [data.length], dtype: Dtype = "f32", label = "tensor"): Tensor {
    assertShape(shape, dtype, label);
    assertLength(data.length, shape, dtype);
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
    this.#state.assertUsable();
    if (tensor.size > 0) this.#state.stream.clear(rangeOf(tensor));
  }

  /** Uploads into an existing tensor, in order with what was encoded so far. */
  write(tensor: Tensor, data: HostData): void {
    this.#state.assertUsable();
    upload(this.#state, tensor, data);
  }

  /**
   * Encodes one kernel. Operands are given by binding name, uniforms by uniform name. `work` is what a profile counts
   * for this dispatch.
   * @throws StateError, OutOfRangeError, BindingLimitError that name the kernel and the operand or uniform.
   */
  dispatch(
    kernel: Kernel,
    operands: Readonly<Record<string, Tensor>>,
    uniforms: Readonly<Record<string, number>>,
    groups: readonly [number, number?, number?],
    work?: Work,
  ): void {
    this.#state.assertUsable();
    if (groups.includes(0)) return;
    let copies: Tensor[] | undefined;
    const ranges = bindOperands(this.#state, kernel, operands, (view) => {
      const copy = this.empty(view.shape, view.dtype, "aligned view");
      this.copy(view, copy, 0);
      copies = [...(copies ?? []), copy];
      return copy;
    });
    this.#state.stream.dispatch(kernel, ranges, uniforms, groups, work);
    // Encoded commands keep program order, so the buffers may be handed out again at once.
    for (const copy of copies ?? []) this.free(copy);
  }

  /**
   * Copies all of `source` to a byte offset of `target`, in place. Bytes are not converted.
   * @throws OutOfRangeError when it does not fit there or the offset is no multiple of 4; StateError when both are in
   * one buffer.
   */
  copy(source: Tensor, target: Tensor, byteOffset: number): void {
    this.#state.assertUsable();
    copyBytes(this.#state, source, target, byteOffset);
  }

  /** Reads a tensor back. Submits pending commands first. */
  async read(tensor: Tensor): Promise<HostArrays[Dtype]> {
    this.#state.assertUsable();
    return readBack(this.#state, tensor);
  }

  /** Submits pending commands without waiting. */
  flush(): void {
    this.#state.assertUsable();
    this.#state.stream.flush();
  }

  /** Resolves when the device has done all that was encoded. Throws what the device reported. */
  async idle(): Promise<void> {
    this.flush();
    await this.#state.wait(this.#state.device.queue.onSubmittedWorkDone());
  }

  /**
   * Runs `fn` with every dispatch timed. Slower than an ordinary run.
   * @throws StateError when the adapter has no `timestamp-query`, or inside another profile.
   */
  async profile(fn: () => void | Promise<void>): Promise<Profile> {
    const { device, stream } = this.#state;
    const timer = new TimestampTimer(device);
    stream.setTimer(timer);
    try {
      await fn();
    } finally {
      stream.setTimer(undefined);
    }
    await this.idle();
    return this.#state.wait(timer.read());
  }

  /** The scope that owns what is allocated now. */
  get currentScope(): Scope {
    return this.#active.#scopes.current;
  }

  /** Frees one tensor before its scope ends. */
  free(tensor: Tensor): void {
    if (tensor.isFreed) return;
    const { storage } = tensor;
    if (!this.#active.#scopes.free(storage)) this.#scopes.free(storage);
  }

  /** Gives the innermost scope one reference to a storage. Internal. */
  adopt(storage: Storage): void {
    this.#active.#scopes.current.adopt(storage);
  }

  /** Gives memory that no tensor holds back to the device. */
  async trim(): Promise<void> {
    await this.idle();
    this.#state.stream.forgetBindGroups();
    this.#state.pool.trim();
    this.#state.staging.trim();
  }

  /** Starts a new `peakBytes`. */
  resetPeak(): void {
    this.#state.pool.resetPeak();
  }

  /** Frees this handle's tensors; the first handle also destroys the device. A second call does nothing. */
  async close(): Promise<void> {
    this.#recording.closeAll();
    this.#scopes.closeAll();
    if (this.#isFork || this.#state.isClosed) return;
    this.#state.isClosed = true;
    this.#state.stream.flush();
    this.#state.device.destroy();
    await this.#state.backend.wait(this.#state.device.lost);
    await this.#state.compiling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Checks a tensor's dtype. */
export function assertDtype(op: string, operand: string, tensor: Tensor, dtype: Dtype): void {
  if (tensor.dtype === dtype) return;
  throw new DtypeError({ op, operand, expected: dtype, actual: describe(tensor.shape, tensor.dtype) });
}
