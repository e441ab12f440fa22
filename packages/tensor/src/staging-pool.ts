import { BufferUsage, sizeClass } from "./buffer-pool.ts";

/** Larger buffers are destroyed after their read: a checkpoint's would take as much memory again as the model. */
const MOST_KEPT_BYTES = 1024 * 1024;
/** Buffers kept of a size: as many as there are reads under way at a time. */
const MOST_KEPT = 16;
/** GPUMapMode.READ; the global enum does not exist in Node. */
const MAP_READ = 1;

/** Mappable buffers for reading back, each for one read at a time, so that a steady step creates none. */
export class StagingPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of at least `bytes` that nobody else has until it is read. */
  acquire(bytes: number): GPUBuffer {
    const size = bytes > MOST_KEPT_BYTES ? bytes : sizeClass(bytes);
    const usage = BufferUsage.mapRead | BufferUsage.copyDst;
    return this.#free.get(size)?.pop() ?? this.#device.createBuffer({ label: "read back", size, usage });
  }

  /** The first `bytes` bytes of a buffer, once the commands that fill it are done; `wait` waits for the device. */
  async read(
    buffer: GPUBuffer,
    bytes: number,
    wait: (done: Promise<unknown>) => Promise<unknown>,
  ): Promise<ArrayBuffer> {
    try {
      await wait(buffer.mapAsync(MAP_READ, 0, bytes));
    } catch (error) {
      buffer.destroy();
      throw error;
    }
    const data = buffer.getMappedRange(0, bytes).slice(0);
    buffer.unmap();
    this.#release(buffer);
    return data;
  }

  /** Gives the free buffers back to the device. */
  trim(): void {
    for (const buffer of [...this.#free.values()].flat()) buffer.destroy();
    this.#free.clear();
  }

  #release(buffer: GPUBuffer): void {
    const free = this.#free.get(buffer.size) ?? [];
    if (buffer.size > MOST_KEPT_BYTES || free.length === MOST_KEPT) {
      buffer.destroy();
      return;
    }
    free.push(buffer);
    this.#free.set(buffer.size, free);
  }
}
