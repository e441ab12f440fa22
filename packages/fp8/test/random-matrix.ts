import { decodeFp8, type Fp8Format, type Tiling } from "@ds3/fp8-codec";
import type { Gpu, RowGroups } from "@ds3/tensor";
import { integers, uniforms } from "@ds3/testing";
import type { Fp8MatrixRef } from "../src/matmul.ref.ts";
import type { QuantizedMatrix } from "../src/quantized-matrix.ts";

/** A matrix of codes and scales as they lie on the host. */
export interface HostMatrix {
  readonly format: Fp8Format;
  readonly tiling: Tiling;
  readonly rows: number;
  readonly columns: number;
  readonly batch: number;
  /** One byte an element, [batch rows, columns]. */
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
}

/** What a random matrix is like. */
export interface RandomMatrixOptions {
  readonly tiling: Tiling;
  readonly rows: number;
  readonly columns: number;
  readonly seed: number;
  readonly format?: Fp8Format;
  readonly batch?: number;
  /** Experts whose column tiles begin anew; 0 for none. */
  readonly experts?: number;
}

/** Random finite codes of all exponents, with random scales. */
export function randomMatrix(options: RandomMatrixOptions): HostMatrix {
  const { tiling, rows, columns, seed, format = "e4m3fn", batch = 1, experts = 0 } = options;
  const codes = Uint8Array.from(integers(batch * rows * columns, 256, seed));
  const firstSpecial = format === "e4m3fn" ? 0x7f : 0x7c;
  for (const [i, code] of codes.entries()) if ((code & 0x7f) >= firstSpecial) codes[i] = code & 0x8f;
  const [down, across] = [Math.ceil(rows / 128), Math.ceil(columns / 128)];
  const count = {
    row: batch * rows * across,
    block: batch * down * across,
    column: (experts > 0 ? Math.floor(rows / 128) + experts : batch * down) * columns,
  }[tiling];
  const uniform = uniforms(seed + 1000);
  const scales = Float32Array.from({ length: count }, () => 2 ** (6 * uniform() - 8));
  return { format, tiling, rows, columns, batch, codes, scales };
}

/** The matrix on the device, its codes in words. */
export function upload(gpu: Gpu, matrix: HostMatrix, groups?: RowGroups): QuantizedMatrix {
  const { format, tiling, rows, columns, batch, codes, scales } = matrix;
  const pitch = Math.ceil(columns / 4);
  const words = new Uint8Array(batch * rows * pitch * 4);
  for (let row = 0; row < batch * rows; row++) {
    words.set(codes.subarray(row * columns, (row + 1) * columns), row * pitch * 4);
  }
  return {
    ...{ format, tiling, rows, columns, batch },
    codes: gpu.tensor(new Uint32Array(words.buffer), [batch * rows, pitch], "u32"),
    scales: gpu.tensor(scales),
    ...(groups ? { groups } : {}),
  };
}

/** The matrix as the references read it. */
export function reference({ format, tiling, rows, columns, codes, scales }: HostMatrix): Fp8MatrixRef {
  const decoded = Float64Array.from(decodeFp8(codes, format));
  return { tiling, rows, columns, codes: decoded, scales: Float64Array.from(scales) };
}
