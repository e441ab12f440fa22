import type { CodeFormat, Tiling } from "@ds3/fp8-codec";
import type { RowGroups, Tensor } from "@ds3/tensor";

/**
 * A matrix, or a batch of them, as codes with scales: value = decode(code) * scale. Codes never travel without their
 * scales, so this is a type of its own and not a tensor's dtype. Its two tensors belong to the scope that was open.
 */
export interface QuantizedMatrix {
  readonly format: CodeFormat;
  readonly tiling: Tiling;
  /** Rows of one matrix. */
  readonly rows: number;
  readonly columns: number;
  /** Matrices behind each other, tiles of none reach into the next: the weights of experts. 1 for one matrix. */
  readonly batch: number;
  /**
   * u32 [batch rows, words]: a row's codes side by side, the first in the lowest bits, the last word filled up with 0.
   * Bytes: ceil(columns / 4) words. e5m6: 12 bits, eight codes in three words, 3 ceil(columns / 8) words.
   */
  readonly codes: Tensor;
  /**
   * f32. row: [batch rows, ceil(columns / 128)]. block: [batch, ceil(rows / 128), ceil(columns / 128)].
   * column: [batch ceil(rows / 128), columns]; with `groups` [floor(rows / 128) + E, columns], where tile t of expert e,
   * whose rows begin at offsets[e], is row floor(offsets[e] / 128) + e + t.
   */
  readonly scales: Tensor;
  /** Column tiles that begin anew at the first row of each expert. */
  readonly groups?: RowGroups;
}
