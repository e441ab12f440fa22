/*
 * A rehearsal makes a driver compile kernels before they are needed. Software adapters compile at the first dispatch and
 * not when a pipeline is made, so each kernel is dispatched once, on scratch memory, for a grid of one workgroup.
 *
 * lavapipe compiles on one thread of a device, and making a pipeline waits for that thread: all pipelines are made first,
 * then all is submitted at once, and the host is free. A second device of the same adapter takes half of the kernels; when it
 * is done the first one finds those in the driver's disk cache. The thread that writes that cache has the lowest priority,
 * so whoever does not wait for the second device (`Gpu.rehearsed`) may compile some of them again.
 */
import { StateError } from "@ds3/errors";
import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";
import type { BufferRange, CommandStream } from "./command-stream.ts";
import type { DeviceState } from "./device-state.ts";
import type { Kernel } from "./kernel.ts";
import type { Tape } from "./tape.ts";

/** What a rehearsal runs on. */
export interface Stage {
  readonly stream: CommandStream;
  readonly pool: BufferPool;
}

/** A stage of its own on the same adapter. */
export interface SecondStage extends Stage {
  /** Resolves when all that was submitted is done, and frees the device. */
  close(): Promise<void>;
}

/** Bytes of each scratch buffer: what lies beyond reads as zero and is not written. */
const SCRATCH_BYTES = 256;
/** Half of a training step's kernels take a tenth of this from the driver's cache, and ten times as much without. */
const WARM_MILLISECONDS = 150;

/** `Gpu.rehearse`: runs `fn` without its commands, then what it would have run for the first time on scratch memory. */
export function rehearse(state: DeviceState, tape: Tape | undefined, fn: () => void): void {
  if (tape) throw refuse("no open tape", "one that would record what is not computed");
  if (state.stream.isRehearsing) {
    fn();
    return;
  }
  const kernels = state.stream.rehearse(() => assertSynchronous(fn()));
  if (kernels.length === 0) return;
  if (!state.openSecond) {
    dispatchOnScratch(state, kernels);
    return;
  }
  const { first, second } = shareOut(kernels);
  // Later the driver would be compiling.
  for (const kernel of second) state.stream.prepare(kernel);
  dispatchOnScratch(state, first);
  if (second.length === 0) return;
  state.compiling = Promise.all([state.compiling, compileSecondHalf(state, state.openSecond, second)]);
}

/** Not beside the first device when that one finds its half in the driver's cache: then it will find this half, too. */
async function compileSecondHalf(
  state: DeviceState,
  open: () => Promise<SecondStage>,
  kernels: readonly Kernel[],
): Promise<void> {
  const isDone = state.backend.wait(state.device.queue.onSubmittedWorkDone()).then(() => true);
  const isWarm = await Promise.race([isDone, sleep(WARM_MILLISECONDS).then(() => false)]).catch(() => true);
  if (!isWarm) await rehearseBeside(open, kernels, () => state.isClosed);
  finish(state, kernels);
}

function finish(state: DeviceState, kernels: readonly Kernel[]): void {
  if (state.isClosed) return;
  try {
    dispatchOnScratch(state, kernels);
  } catch {
    // A device that is lost meanwhile is named by the next call that uses it.
  }
}

function assertSynchronous(result: unknown): void {
  if (result instanceof Promise) throw refuse("a synchronous function", "one that returns a promise");
}

function refuse(expected: string, actual: string): StateError {
  return new StateError({ op: "rehearse", operand: "fn", expected, actual });
}

/**
 * Dispatches each kernel once, with zero uniforms and zero bytes in every operand, one workgroup, and submits.
 * Inputs and outputs have scratch buffers of their own; outputs are cleared again for each kernel.
 */
export function dispatchOnScratch({ stream, pool }: Stage, kernels: readonly Kernel[]): void {
  const scratch = { read: new Scratch(pool), read_write: new Scratch(pool) };
  try {
    for (const kernel of kernels) stream.prepare(kernel);
    for (const range of scratch.read.take(most(kernels, "read"))) stream.clear(range);
    for (const kernel of kernels) {
      const outputs = scratch.read_write.take(count(kernel, "read_write"));
      for (const range of outputs) stream.clear(range);
      const left = { read: scratch.read.take(count(kernel, "read")), read_write: outputs };
      const ranges = kernel.bindings.map(({ access }) => left[access].pop()!);
      stream.dispatch(kernel, ranges, Object.fromEntries(kernel.uniforms.map(([name]) => [name, 0])), [1]);
    }
    stream.flush();
  } finally {
    for (const { buffers } of Object.values(scratch)) for (const buffer of buffers) pool.release(buffer);
  }
}

/**
 * The same on a second device. The host is asked for one pipeline at a time, so that what else it has
 * to do goes on in between. A device that cannot be had, or is lost, is no failure: the first one compiles all by itself.
 */
export async function rehearseBeside(
  open: () => Promise<SecondStage>,
  kernels: readonly Kernel[],
  isStopped: () => boolean,
): Promise<void> {
  const stage = await open().catch(() => undefined);
  if (!stage) return;
  for (const kernel of kernels) {
    if (isStopped()) break;
    stage.stream.prepare(kernel);
    await sleep(0);
  }
  if (!isStopped()) dispatchOnScratch(stage, kernels);
  await stage.close();
}

/** Two shares that take a driver about as long, by the lengths of their texts; each begins with its longest. */
export function shareOut(kernels: readonly Kernel[]): { readonly first: Kernel[]; readonly second: Kernel[] } {
  const ordered = [...kernels].sort((a, b) => b.wgsl.length - a.wgsl.length);
  return { first: ordered.filter((_, i) => i % 2 === 0), second: ordered.filter((_, i) => i % 2 === 1) };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Small buffers that are taken again and again. */
class Scratch {
  readonly buffers: PooledBuffer[] = [];
  readonly #pool: BufferPool;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  take(amount: number): BufferRange[] {
    while (this.buffers.length < amount) this.buffers.push(this.#pool.acquire(SCRATCH_BYTES, "rehearsal"));
    return this.buffers.slice(0, amount).map((pooled) => ({ pooled, offset: 0, bytes: SCRATCH_BYTES }));
  }
}

function count({ bindings }: Kernel, access: "read" | "read_write"): number {
  return bindings.filter((binding) => binding.access === access).length;
}

function most(kernels: readonly Kernel[], access: "read" | "read_write"): number {
  return kernels.reduce((largest, kernel) => Math.max(largest, count(kernel, access)), 0);
}
