import type { QuantizedMatrix, Tiling } from "@ds3/fp8";
import type { CodeFormat } from "@ds3/fp8-codec";
import type { Gpu, Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";

/** Which tensors of a fixture are a quantised matrix. */
interface StoredMatrix {
  readonly codes: string;
  readonly scales: string;
  readonly tiling: Tiling;
  readonly format: CodeFormat;
}

/** A fixture's codes and scales on the device, as the packages lay them out: rows of whole words. */
export function matrixFrom(gpu: Gpu, fixture: Fixture, stored: StoredMatrix): QuantizedMatrix {
  const { tiling, format } = stored;
  if (format === "e5m6") throw new Error("codes of 12 bits are not stored in bytes");
  const { shape, data } = fixture.tensor(stored.codes);
  const scales = fixture.tensor(stored.scales);
  const [rows, columns] = shape as [number, number];
  const words = Math.ceil(columns / 4);
  const bytes = new Uint8Array(rows * words * 4);
  for (let row = 0; row < rows; row++) {
    bytes.set((data as Uint8Array).subarray(row * columns, (row + 1) * columns), row * words * 4);
  }
  return {
    format,
    tiling,
    rows,
    columns,
    batch: 1,
    codes: gpu.tensor(new Uint32Array(bytes.buffer), [rows, words], "u32", stored.codes),
    scales: gpu.tensor(
      scales.data as Float32Array,
      tiling === "block" ? [1, ...scales.shape] : [...scales.shape],
      "f32",
      stored.scales,
    ),
  };
}

/** The codes of a matrix of bytes. */
export function codesOf({ codes, rows, columns }: QuantizedMatrix): Promise<Uint8Array> {
  return bytesOf(codes, rows, columns);
}

/** Codes in bytes, u32 [rows, words], row by row without the words' ends. */
export async function bytesOf(codes: Tensor, rows: number, columns: number): Promise<Uint8Array> {
  const words = await codes.data<"u32">();
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const pitch = bytes.length / rows;
  const dense = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) dense.set(bytes.subarray(row * pitch, row * pitch + columns), row * columns);
  return dense;
}
