import { DtypeError, ShapeError } from "@ds3/errors";

/** Element types of tensors. `bf16` packs two values into a word; its innermost axis is padded to whole words. */
export type Dtype = "f32" | "i32" | "u32" | "bf16";

/** The typed array that holds a dtype on the host; bf16 is read as its 16 bits. */
export interface HostArrays {
  f32: Float32Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  bf16: Uint16Array<ArrayBuffer>;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Bytes that a row-major tensor takes on the GPU. */
export function bytesOf(shape: readonly number[], dtype: Dtype): number {
  if (dtype !== "bf16") return sizeOf(shape) * 4;
  const inner = shape.at(-1) ?? 1;
  return (inner === 0 ? 0 : sizeOf(shape) / inner) * Math.ceil(inner / 2) * 4;
}

/** `[2, 3] f32`, as error messages print a tensor. */
export function describe(shape: readonly number[], dtype: Dtype): string {
  return `[${shape.join(", ")}] ${dtype}`;
}

const DTYPES: readonly string[] = ["f32", "i32", "u32", "bf16"] satisfies readonly Dtype[];

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
