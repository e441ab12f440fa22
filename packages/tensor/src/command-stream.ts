import { OutOfRangeError, StateError } from "@ds3/errors";
import { BindGroups } from "./bind-groups.ts";
import { BufferUsage, type PooledBuffer } from "./buffer-pool.ts";
import { MAX_GROUPS } from "./grid.ts";
import type { Kernel } from "./kernel.ts";
import { PipelineCache } from "./pipelines.ts";
import type { PassTimer, Work } from "./profiler.ts";

/** A range of a buffer, as one binding of a dispatch. */
export interface BufferRange {
  readonly pooled: PooledBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Uniform slots are as far apart as WebGPU's default minUniformBufferOffsetAlignment. */
const SLOT_BYTES = 256;
/** Dispatches in one submit: enough that a submit's price vanishes, few enough that the device starts early. */
const DISPATCHES_PER_SUBMIT = 96;

/** Counters of a stream; differences of two snapshots give figures per step. */
export interface StreamStats {
  readonly dispatches: number;
  readonly submits: number;
  readonly pipelines: number;
  /** Bind groups in the cache. */
  readonly bindGroups: number;
}

/**
 * Encodes commands in program order, many to a submit.
 *
 * Uniforms go to a shadow of one ring buffer, which is written just before the submit that uses it: queue writes and
 * submits are ordered, so the ring is free again at once. `epoch` numbers the submits; a buffer whose epoch is the
 * present one has commands that are encoded and not yet submitted, which a queue write would overtake.
 */
export class CommandStream {
  readonly #device: GPUDevice;
  readonly #pipelines: PipelineCache;
  readonly #uniformBuffer: GPUBuffer;
  readonly #shadow = new ArrayBuffer(SLOT_BYTES * DISPATCHES_PER_SUBMIT);
  readonly #words = {
    u32: new Uint32Array(this.#shadow),
    i32: new Int32Array(this.#shadow),
    f32: new Float32Array(this.#shadow),
  };
  readonly #bindGroups: BindGroups;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #slots = 0;
  #dispatches = 0;
  #submits = 0;
  #epoch = 0;
  #timer: PassTimer | undefined;
  /** Kernels that a rehearsal met, by label; undefined outside of one. */
  #rehearsed: Map<string, Kernel> | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#pipelines = new PipelineCache(device);
    this.#uniformBuffer = device.createBuffer({
      label: "uniforms",
      size: this.#shadow.byteLength,
      usage: BufferUsage.uniform | BufferUsage.copyDst,
    });
    this.#bindGroups = new BindGroups(device, { buffer: this.#uniformBuffer, size: SLOT_BYTES });
  }

  get stats(): StreamStats {
    const { size: pipelines } = this.#pipelines;
    return { dispatches: this.#dispatches, submits: this.#submits, pipelines, bindGroups: this.#bindGroups.size };
  }

  /** Times every dispatch in a pass of its own until it is called with undefined again. */
  setTimer(timer: PassTimer | undefined): void {
    if (timer && this.#timer) {
      throw new StateError({ op: "profile", operand: "fn", expected: "no profile inside", actual: "a second one" });
    }
    this.flush();
    this.#timer = timer;
  }

  /** True while commands are checked and left out. */
  get isRehearsing(): boolean {
    return this.#rehearsed !== undefined;
  }

  /** Runs `fn` with every command left out. Returns the kernels that it would have dispatched for the first time. */
  rehearse(fn: () => void): Kernel[] {
    const kernels = new Map<string, Kernel>();
    this.#whileRehearsing(kernels, fn);
    return [...kernels.values()];
  }

  /** Runs `fn` with its commands encoded, also inside a rehearsal. */
  perform<T>(fn: () => T): T {
    return this.#whileRehearsing(undefined, fn);
  }

  #whileRehearsing<T>(kernels: Map<string, Kernel> | undefined, fn: () => T): T {
    const before = this.#rehearsed;
    this.#rehearsed = kernels;
    try {
      return fn();
    } finally {
      this.#rehearsed = before;
    }
  }

  /** Makes a kernel's pipeline ahead of its first dispatch. */
  prepare(kernel: Kernel): void {
    this.#pipelines.get(kernel);
  }

  /**
   * Encodes one kernel. `ranges` are in the order of `kernel.bindings`.
   * @throws OutOfRangeError for a uniform that its type does not hold, or a grid beyond the limit; nothing is encoded.
   */
  dispatch(
    kernel: Kernel,
    ranges: readonly BufferRange[],
    uniforms: Readonly<Record<string, number>>,
    groups: readonly [number, number?, number?],
    work?: Work,
  ): void {
    if (this.#slots === DISPATCHES_PER_SUBMIT) this.flush();
    const [x, y = 1, z = 1] = groups;
    assertGrid(kernel, x, y, z);
    this.#packUniforms(kernel, uniforms);
    if (this.#rehearsed) {
      if (!this.#pipelines.has(kernel)) this.#rehearsed.set(kernel.label, kernel);
      return;
    }
    const compiled = this.#pipelines.get(kernel);
    const pass = this.#openPass(kernel, ranges, work);
    pass.setPipeline(compiled.pipeline);
    pass.setBindGroup(0, this.#bindGroups.get(compiled, ranges), [this.#slots * SLOT_BYTES]);
    pass.dispatchWorkgroups(x, y, z);
    this.#slots += 1;
    for (const { pooled } of ranges) pooled.epoch = this.#epoch;
    this.#dispatches += 1;
    if (this.#timer) this.#closePass();
  }

  /** Copies bytes between two buffers. Offsets and sizes are multiples of 4. */
  copy(source: BufferRange, target: BufferRange): void {
    if (this.#rehearsed) return;
    const encoder = this.#openEncoder();
    encoder.copyBufferToBuffer(source.pooled.buffer, source.offset, target.pooled.buffer, target.offset, source.bytes);
    source.pooled.epoch = target.pooled.epoch = this.#epoch;
  }

  /** Fills a range with zero bytes. */
  clear({ pooled, offset, bytes }: BufferRange): void {
    if (this.#rehearsed) return;
    this.#openEncoder().clearBuffer(pooled.buffer, offset, bytes);
    pooled.epoch = this.#epoch;
  }

  /** Uploads from the host, in order with what was encoded so far. */
  write({ pooled, offset }: BufferRange, data: ArrayBufferView<ArrayBuffer>): void {
    if (this.#rehearsed) return;
    if (pooled.epoch === this.#epoch) this.flush();
    this.#device.queue.writeBuffer(pooled.buffer, offset, data);
  }

  /** Copies a range into a mappable buffer and submits; the caller maps it. */
  stage({ pooled, offset, bytes }: BufferRange, staging: GPUBuffer): void {
    this.#openEncoder().copyBufferToBuffer(pooled.buffer, offset, staging, 0, bytes);
    this.flush();
  }

  /** Submits what was encoded. */
  flush(): void {
    if (!this.#encoder) return;
    this.#closePass();
    this.#timer?.resolve(this.#encoder);
    if (this.#slots > 0)
      this.#device.queue.writeBuffer(this.#uniformBuffer, 0, this.#shadow, 0, this.#slots * SLOT_BYTES);
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#slots = 0;
    this.#submits += 1;
    this.#epoch += 1;
  }

  /** Forgets bind groups, before buffers are destroyed. */
  forgetBindGroups(): void {
    this.flush();
    this.#bindGroups.clear();
  }

  #packUniforms(kernel: Kernel, uniforms: Readonly<Record<string, number>>): void {
    let word = (this.#slots * SLOT_BYTES) / 4;
    for (const [name, type] of kernel.uniforms) {
      const value = uniforms[name];
      if (value === undefined) throw badUniform(kernel, name, `a value (${type})`, value);
      const words = this.#words[type];
      words[word] = value;
      const isHeld = type === "f32" ? Number.isFinite(words[word]) : words[word] === value;
      if (!isHeld)
        throw badUniform(kernel, name, type === "f32" ? "a finite f32" : `an integer that fits ${type}`, value);
      word += 1;
    }
  }

  #openPass({ label }: Kernel, ranges: readonly BufferRange[], work: Work | undefined): GPUComputePassEncoder {
    if (!this.#pass) {
      const timestampWrites = this.#timer?.next(label, workOf(ranges, work));
      this.#encoder ??= this.#device.createCommandEncoder();
      this.#pass = this.#encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    }
    return this.#pass;
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #openEncoder(): GPUCommandEncoder {
    this.#closePass();
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }
}

/** Bytes that a dispatch moves at least: each operand once, unless the op knows better. */
function workOf(ranges: readonly BufferRange[], { flops = 0, bytes }: Work = {}): Required<Work> {
  return { flops, bytes: bytes ?? ranges.reduce((sum, range) => sum + range.bytes, 0) };
}

function assertGrid({ label }: Kernel, x: number, y: number, z: number): void {
  if (isGroupCount(x) && isGroupCount(y) && isGroupCount(z)) return;
  throw new OutOfRangeError({
    op: label,
    operand: "groups",
    expected: `integers from 0 to ${MAX_GROUPS} in each dimension`,
    actual: `[${x}, ${y}, ${z}]`,
    hint: "Use flatGrid: it spreads a long grid over two dimensions.",
  });
}

function isGroupCount(n: number): boolean {
  return n >= 0 && n <= MAX_GROUPS && Number.isInteger(n);
}

function badUniform({ label }: Kernel, name: string, expected: string, value: number | undefined): OutOfRangeError {
  return new OutOfRangeError({ op: label, operand: `uniform ${name}`, expected, actual: `${value ?? "none"}` });
}
