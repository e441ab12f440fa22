import { OutOfMemoryError } from "./errors.ts";

/** GPUBufferUsage bits; the global enum does not exist in Node. */
export const BufferUsage = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const;

/** A GPU buffer of one size class. `epoch` is the command epoch that last used it (see CommandStream). */
export interface PooledBuffer {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  epoch: number;
}

/** What the pool holds at a moment. */
export interface PoolStats {
  /** Buffers and bytes that tensors hold now. */
  readonly liveBuffers: number;
  readonly liveBytes: number;
  readonly peakBytes: number;
  /** Bytes allocated on the device, free ones included. */
  readonly allocatedBytes: number;
  /** Buffers created so far: it stands still in a steady training step. */
  readonly allocations: number;
}

/**
 * Recycles storage buffers by size class, so that a steady step allocates nothing. Classes are four to an octave:
 * at most a fifth of a buffer is slack, and shapes that differ a little share buffers.
 *
 * Of the free ones the oldest is handed out, whatever the order in which they came back: so a step that is like the one
 * before gets the same buffers in the same places, and the bind groups made for those serve again.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #maxBytes: number;
  readonly #maxTotal: number;
  /** By size; the oldest last. */
  readonly #free = new Map<number, PooledBuffer[]>();
  #nextId = 1;
  #stats = { liveBuffers: 0, liveBytes: 0, peakBytes: 0, allocatedBytes: 0, allocations: 0 };

  /** `maxTotal`: bytes of all buffers together, where the adapter itself would not refuse more than there are. */
  constructor(device: GPUDevice, maxTotal: number = Number.POSITIVE_INFINITY) {
    this.#maxTotal = maxTotal;
    this.#device = device;
    // Whole words: copies and bindings are multiples of 4.
    this.#maxBytes = device.limits.maxBufferSize - (device.limits.maxBufferSize % 4);
  }

  get stats(): PoolStats {
    return { ...this.#stats };
  }

  /** A buffer of at least `bytes`; its content is undefined. Throws OutOfMemoryError when there is none. */
  acquire(bytes: number, label: string): PooledBuffer {
    const size = this.#sizeFor(bytes, label);
    const pooled = this.#free.get(size)?.pop() ?? this.#create(size, label);
    const stats = this.#stats;
    stats.liveBuffers += 1;
    stats.liveBytes += size;
    stats.peakBytes = Math.max(stats.peakBytes, stats.liveBytes);
    return pooled;
  }

  release(pooled: PooledBuffer): void {
    this.#stats.liveBuffers -= 1;
    this.#stats.liveBytes -= pooled.bytes;
    const free = this.#free.get(pooled.bytes);
    if (free) insertByAge(free, pooled);
    else this.#free.set(pooled.bytes, [pooled]);
  }

  /** Gives the free buffers back to the device. Only between submits. */
  trim(): void {
    for (const list of this.#free.values()) {
      for (const pooled of list) {
        pooled.buffer.destroy();
        this.#stats.allocatedBytes -= pooled.bytes;
      }
    }
    this.#free.clear();
  }

  /** Starts a new peak from what is live now. */
  resetPeak(): void {
    this.#stats.peakBytes = this.#stats.liveBytes;
  }

  /** The size class, or the largest buffer there is where the class lies above it. */
  #sizeFor(bytes: number, label: string): number {
    if (bytes <= this.#maxBytes) return Math.min(sizeClass(bytes), this.#maxBytes);
    throw outOfMemory(label, `at most ${this.#maxBytes} bytes, the adapter's maxBufferSize`, `${bytes} bytes`);
  }

  #create(size: number, label: string): PooledBuffer {
    const total = this.#stats.allocatedBytes + size;
    if (total > this.#maxTotal) throw outOfMemory(label, `at most ${this.#maxTotal} bytes in all`, `${total} bytes`);
    const usage = BufferUsage.storage | BufferUsage.copySrc | BufferUsage.copyDst;
    const buffer = this.#device.createBuffer({ label, size, usage });
    this.#stats.allocatedBytes += size;
    this.#stats.allocations += 1;
    return { id: this.#nextId++, buffer, bytes: size, epoch: -1 };
  }
}

function outOfMemory(operand: string, expected: string, actual: string): OutOfMemoryError {
  const hint = "Use a smaller batch, sequence or model, or an adapter with more memory.";
  return new OutOfMemoryError({ op: "allocate", operand, expected, actual, hint });
}

/** Keeps a list in descending order of ids. */
function insertByAge(free: PooledBuffer[], pooled: PooledBuffer): void {
  let [low, high] = [0, free.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (free[middle]!.id > pooled.id) low = middle + 1;
    else high = middle;
  }
  free.splice(low, 0, pooled);
}

/** The smallest class that holds `bytes`: (4, 5, 6 or 7) x 2^k, at least 256. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const quarter = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / quarter) * quarter;
}
