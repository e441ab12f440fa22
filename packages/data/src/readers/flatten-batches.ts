/**
 * One by one what an iterator gives in batches.
 *
 * An async generator that yields each element costs several turns of the event loop's queue an element; here an element
 * of a batch that is there costs one resolved promise.
 */
export function flattenBatches<T>(batches: AsyncGenerator<readonly T[]>): AsyncGenerator<T, void, undefined> {
  return new FlatIterator(batches);
}

class FlatIterator<T> implements AsyncGenerator<T, void, undefined> {
  readonly #batches: AsyncGenerator<readonly T[]>;
  #batch: readonly T[] = [];
  #index = 0;
  /** The last call that had to wait; calls after it wait behind it. */
  #waiting: Promise<unknown> | undefined;

  constructor(batches: AsyncGenerator<readonly T[]>) {
    this.#batches = batches;
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#waiting === undefined && this.#index < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#index++]! });
    }
    return this.#enqueue(() => this.#advance());
  }

  return(): Promise<IteratorResult<T, void>> {
    return this.#enqueue(async () => {
      this.#drop();
      await this.#batches.return(undefined);
      return { done: true, value: undefined };
    });
  }

  throw(error: unknown): Promise<IteratorResult<T, void>> {
    return this.#enqueue(async () => {
      this.#drop();
      await this.#batches.throw(error);
      return { done: true, value: undefined };
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #advance(): Promise<IteratorResult<T, void>> {
    while (this.#index >= this.#batch.length) {
      this.#drop();
      const { done, value } = await this.#batches.next();
      if (done) return { done: true, value: undefined };
      this.#batch = value;
    }
    return { done: false, value: this.#batch[this.#index++]! };
  }

  #drop(): void {
    this.#batch = [];
    this.#index = 0;
  }

  #enqueue(action: () => Promise<IteratorResult<T, void>>): Promise<IteratorResult<T, void>> {
    const result = this.#waiting === undefined ? action() : this.#waiting.then(action);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    const waiting = settled.then(() => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    });
    this.#waiting = waiting;
    return result;
  }
}
