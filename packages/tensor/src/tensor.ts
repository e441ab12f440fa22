import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { bytesOf, type Dtype, describe, type HostArrays, isHalf, sizeOf } from "./dtype.ts";
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
  /** Number of elements. */
  readonly size: number;
  readonly bytes: number;
  /** Where backward accumulates, in f32, when this tensor is a parameter of an arena. */
  grad: Tensor | undefined = undefined;
  readonly #storage: Storage;

  constructor({ gpu, storage, shape, dtype, byteOffset }: TensorParts) {
    this.gpu = gpu;
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.byteOffset = byteOffset;
    this.size = sizeOf(shape);
    this.bytes = bytesOf(shape, dtype);
    this.#storage = storage;
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

  /**
   * A view with another shape of the same size. One axis may be -1: what is left.
   *
   * Rows of halves are padded to whole words: a last axis of odd length stays as it is.
   * @throws ShapeError
   */
  reshape(shape: readonly number[]): Tensor {
    const view = this.#view(this.#inferShape(shape), 0);
    recordReshape(this, view);
    return view;
  }

  /**
   * A view of rows `from` (included) to `to` (excluded) of the first axis.
   *
   * @throws OutOfRangeError for rows that are not there; ShapeError for a scalar, and where a vector of halves would start
   * inside a word.
   */
  slice(from: number, to: number): Tensor {
    const [rows, ...rest] = this.shape;
    if (rows === undefined) {
      throw new ShapeError({ op: "slice", operand: `${this}`, expected: "at least one axis", actual: "a scalar" });
    }
    if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= rows)) {
      throw new OutOfRangeError({
        op: "slice",
        operand: `${this}`,
        expected: `0 <= from <= to <= ${rows}`,
        actual: `from ${from}, to ${to}`,
      });
    }
    const isHalfWord = isHalf(this.dtype) && rest.length === 0 && from % 2 === 1;
    if (isHalfWord) {
      throw new ShapeError({ op: "slice", operand: `${this}`, expected: "an even first element", actual: `${from}` });
    }
    const view = this.#view([to - from, ...rest], bytesOf([from, ...rest], this.dtype));
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

  #view(shape: readonly number[], offset: number): Tensor {
    const { gpu, storage, dtype } = this;
    return new Tensor({ gpu, storage, shape, dtype, byteOffset: this.byteOffset + offset });
  }

  #inferShape(shape: readonly number[]): number[] {
    const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
    const inferred = shape.map((n) => (n === -1 ? this.size / known : n));
    const valid = inferred.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(inferred) === this.size;
    if (valid && shape.filter((n) => n === -1).length <= 1 && this.#keepsPadding(inferred)) return inferred;
    throw new ShapeError({
      op: "reshape",
      operand: `${this}`,
      expected: `a shape of ${this.size} elements${isHalf(this.dtype) ? " with the same padding of rows" : ""}`,
      actual: `[${shape.join(", ")}]`,
    });
  }

  #keepsPadding(shape: readonly number[]): boolean {
    const [before, after] = [this.shape.at(-1) ?? 1, shape.at(-1) ?? 1];
    return !isHalf(this.dtype) || before === after || (before % 2 === 0 && after % 2 === 0);
  }
}
