import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { bytesOf, type Dtype, describe, type HostArrays, sizeOf } from "./dtype.ts";
import { UseAfterFreeError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import type { Storage } from "./storage.ts";
import { recordReshape, recordSlice } from "./view-gradients.ts";

let nextId = 1;

/** What a tensor is made of. Ops create tensors through `gpu.empty`; views through `reshape` and `slice`. */
export interface TensorParts {
  readonly gpu: Gpu;
  readonly storage: Storage;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly byteOffset: number;
}

/**
 * A row-major array on the GPU with an immutable shape and dtype. Ops return new tensors, owned by the innermost open
 * scope; `reshape` and `slice` are views of the same memory. Reading back is the only asynchronous call.
 */
export class Tensor {
  readonly id: number = nextId++;
  readonly gpu: Gpu;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly byteOffset: number;
  /** Where backward accumulates, in f32, when this tensor is a parameter of an arena. */
  grad: Tensor | undefined = undefined;
  readonly #storage: Storage;

  constructor({ gpu, storage, shape, dtype, byteOffset }: TensorParts) {
    this.gpu = gpu;
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.byteOffset = byteOffset;
    this.#storage = storage;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get bytes(): number {
    return bytesOf(this.shape, this.dtype);
  }

  get isFreed(): boolean {
    return this.#storage.isFreed;
  }

  /** The memory. Throws UseAfterFreeError when the scope that owned it is closed. */
  get storage(): Storage {
    if (this.#storage.isFreed) {
      throw new UseAfterFreeError({
        op: "tensor",
        operand: `${this} (${this.#storage.label})`,
        expected: "a live tensor",
        actual: "one whose scope is closed",
        hint: "Call scope.keep(tensor) before the scope ends, or read it inside the scope.",
      });
    }
    return this.#storage;
  }

  /** A view with another shape of the same size. One axis may be -1: what is left. */
  reshape(shape: readonly number[]): Tensor {
    const target = this.#inferShape(shape);
    const view = new Tensor({
      gpu: this.gpu,
      storage: this.storage,
      shape: target,
      dtype: this.dtype,
      byteOffset: this.byteOffset,
    });
    recordReshape(this, view);
    return view;
  }

  /** A view of rows `from` (included) to `to` (excluded) of the first axis. */
  slice(from: number, to: number): Tensor {
    const rows = this.shape[0] ?? 0;
    if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= rows)) {
      throw new OutOfRangeError({
        op: "slice",
        operand: `${this}`,
        expected: `0 <= from <= to <= ${rows}`,
        actual: `from ${from}, to ${to}`,
      });
    }
    const shape = [to - from, ...this.shape.slice(1)];
    const byteOffset = this.byteOffset + from * bytesOf([1, ...this.shape.slice(1)], this.dtype);
    const view = new Tensor({ gpu: this.gpu, storage: this.storage, shape, dtype: this.dtype, byteOffset });
    recordSlice(this, view, from);
    return view;
  }

  /** Submits what is pending and reads the elements back. */
  async data<D extends Dtype = "f32">(): Promise<HostArrays[D]> {
    return (await this.gpu.read(this)) as HostArrays[D];
  }

  /** The one element of a tensor of size 1. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError({ op: "item", operand: `${this}`, expected: "one element", actual: `${this.size}` });
    }
    return (await this.gpu.read(this))[0]!;
  }

  toString(): string {
    return describe(this.shape, this.dtype);
  }

  #inferShape(shape: readonly number[]): number[] {
    const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
    const inferred = shape.map((n) => (n === -1 ? this.size / known : n));
    const valid = inferred.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(inferred) === this.size;
    if (valid && shape.filter((n) => n === -1).length <= 1) return inferred;
    throw new ShapeError({
      op: "reshape",
      operand: `${this}`,
      expected: `a shape of ${this.size} elements`,
      actual: `[${shape.join(", ")}]`,
    });
  }
}
