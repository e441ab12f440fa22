/** An Int32Array that grows: ids are collected here and never in a number[]. */
export class IntBuffer {
  data: Int32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.data = new Int32Array(Math.max(16, capacity));
  }

  /** Make room for `count` more values; write them to `data` from `length` on and move `length`. */
  reserve(count: number): void {
    if (this.length + count > this.data.length) this.data = grown(this.data, this.length + count);
  }

  push(value: number): void {
    if (this.length === this.data.length) this.data = grown(this.data, this.length + 1);
    this.data[this.length++] = value;
  }

  /** A copy of exactly the values pushed. */
  toArray(): Int32Array {
    return this.data.slice(0, this.length);
  }
}

/** A copy of `source` with at least `atLeast` elements, doubled so that pushing stays linear. */
export function grown<A extends Int32Array | Uint16Array | Float64Array>(source: A, atLeast: number): A {
  const TypedArray = source.constructor as new (length: number) => A;
  const copy = new TypedArray(Math.max(atLeast, source.length * 2));
  copy.set(source);
  return copy;
}
