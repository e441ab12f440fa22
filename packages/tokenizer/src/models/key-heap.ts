import { grown } from "../growable.ts";

/** Binary min-heap of exact non-negative integers held in doubles. */
export class KeyHeap {
  size = 0;
  #keys: Float64Array = new Float64Array(64);

  push(key: number): void {
    if (this.size === this.#keys.length) this.#keys = grown(this.#keys, this.size + 1);
    const keys = this.#keys;
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[i] = keys[parent]!;
      i = parent;
    }
    keys[i] = key;
  }

  pop(): number {
    const keys = this.#keys;
    const top = keys[0]!;
    const last = keys[--this.size]!;
    let i = 0;
    for (let child = 1; child < this.size; child = 2 * i + 1) {
      if (child + 1 < this.size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[i] = keys[child]!;
      i = child;
    }
    keys[i] = last;
    return top;
  }
}
