import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";

/**
 * The memory behind a tensor and its views. Scopes, tapes and gradients each hold a reference; when the last one goes
 * the buffer returns to the pool. A new allocation is a new Storage, so a stale handle is recognised.
 */
export class Storage {
  /** The device's pool: tensors of two devices do not mix. */
  readonly pool: BufferPool;
  readonly pooled: PooledBuffer;
  readonly label: string;
  #references = 1;

  constructor(pool: BufferPool, bytes: number, label: string) {
    this.pool = pool;
    this.label = label;
    this.pooled = pool.acquire(bytes, label);
  }

  get isFreed(): boolean {
    return this.#references === 0;
  }

  /** More than one reference is held. */
  get isShared(): boolean {
    return this.#references > 1;
  }

  retain(): this {
    this.#references += 1;
    return this;
  }

  release(): void {
    this.#references -= 1;
    if (this.#references === 0) this.pool.release(this.pooled);
  }
}
