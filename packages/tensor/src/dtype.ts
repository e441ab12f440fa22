import { DtypeError, ShapeError } from "@ds3/errors";

/**
 * Element types of tensors. The halves `f16` and `bf16` pack two values into a word, the even one low; their innermost
 * axis is padded to whole words. Kernels bind them as words, so no adapter needs `shader-f16` to store them.
 */
export type Dtype = "f32" | "i32" | "u32" | HalfDtype;

/** The 16-bit floats: IEEE binary16 (11 significant bits, up to 65504), and the upper half of an f32 (8 bits). */
export type HalfDtype = "f16" | "bf16";

/** The typed array that holds a dtype on the host; halves are read as their 16 bits. */
export interface HostArrays {
  f32: Float32Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  f16: Uint16Array<ArrayBuffer>;
  bf16: Uint16Array<ArrayBuffer>;
}

/** Whether a dtype is one of the 16-bit floats. */
export function isHalf(dtype: Dtype): dtype is HalfDtype {
  return dtype === "f16" || dtype === "bf16";
}

/** Elements from one row to the next as stored: `columns`, for halves the next even number. */
export function pitchOf(columns: number, dtype: Dtype): number {
  return isHalf(dtype) ? columns + (columns % 2) : columns;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Bytes that a row-major tensor takes on the GPU. */
export function bytesOf(shape: readonly number[], dtype: Dtype): number {
  if (!isHalf(dtype)) return sizeOf(shape) * 4;
  const inner = shape.at(-1) ?? 1;
  return (inner === 0 ? 0 : sizeOf(shape) / inner) * pitchOf(inner, dtype) * 2;
}

/** `[2, 3] f32`, as error messages print a tensor. */
export function describe(shape: readonly number[], dtype: Dtype): string {
  return `[${shape.join(", ")}] ${dtype}`;
}

const DTYPES: readonly string[] = ["f32", "i32", "u32", "f16", "bf16"] satisfies readonly Dtype[];

/** Refuses shapes whose axes are not integers >= 0, and element types that do not exist. */
export function assertShape(shape: readonly number[], dtype: Dtype, operand: string): void {
  if (!DTYPES.includes(dtype)) {
    throw new DtypeError({ op: "tensor", operand, expected: DTYPES.join(", "), actual: `${dtype}` });
  }
  if (shape.every((n) => Number.isInteger(n) && n >= 0)) return;
  throw new ShapeError({
    op: "tensor",
    operand,
    expected: "axes that are integers >= 0",
    actual: `[${shape.join(", ")}]`,
  });
}
