import type { Tiling } from "@ds3/fp8-codec";
import type { Fp8Layout } from "./matmul-operands.ts";

/** A quantised matrix, or a batch of them, with its codes decoded: the value of an element is code x scale. */
export interface Fp8MatrixRef {
  readonly tiling: Tiling;
  /** Of one matrix. */
  readonly rows: number;
  readonly columns: number;
  /** Decoded codes without scales, [batch rows, columns]. */
  readonly codes: Float64Array;
  /** As `QuantizedMatrix.scales`. */
  readonly scales: Float64Array;
}

/** Rows of one expert: `first` to `end` of all rows. */
interface ExpertRows {
  readonly expert: number;
  readonly first: number;
  readonly end: number;
}

const SIDE = 128;

/**
 * Product of quantised matrices in f64: c_ij = sum over tiles t of s^A_it s^B_jt sum over k in t of a_ik b_kj, as in
 * equation form of the DeepSeek-V3 report's section 3.3. Returns [M, N]; layouts as `fp8Matmul`.
 */
export function fp8MatmulRef(a: Fp8MatrixRef, b: Fp8MatrixRef, layout: Fp8Layout): Float64Array {
  const [M, K] = layout === "tn" ? [a.columns, a.rows] : [a.rows, a.columns];
  const N = layout === "nt" ? b.rows : b.columns;
  const c = new Float64Array(M * N);
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      for (let k = 0; k < K; k++) {
        const left = layout === "tn" ? value(a, k, i) : value(a, i, k);
        const right = layout === "nt" ? value(b, j, k) : value(b, k, j);
        c[i * N + j]! += left * right;
      }
    }
  }
  return c;
}

/**
 * The same by experts: rows offsets[e] to offsets[e + 1] of `a` with matrix e of `b` (nt, nn), or with the same rows of
 * `b` (tn). `c` is [R, N], or [E, M, N] for tn, and is overwritten where an expert owns it.
 */
export function fp8GroupedMatmulRef(
  c: Float64Array,
  a: Fp8MatrixRef,
  b: Fp8MatrixRef,
  layout: Fp8Layout,
  offsets: readonly number[],
): void {
  for (let expert = 0; expert + 1 < offsets.length; expert++) {
    const rows = { expert, first: offsets[expert]!, end: offsets[expert + 1]! };
    if (layout === "tn") columnProduct(c, a, b, rows);
    else rowProduct(c, a, b, layout, rows);
  }
}

function rowProduct(c: Float64Array, a: Fp8MatrixRef, b: Fp8MatrixRef, layout: "nt" | "nn", rows: ExpertRows): void {
  const { expert, first, end } = rows;
  const N = layout === "nt" ? b.rows : b.columns;
  for (let i = first; i < end; i++) {
    for (let j = 0; j < N; j++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) {
        sum += value(a, i, k) * (layout === "nt" ? value(b, j, k, expert) : value(b, k, j, expert));
      }
      c[i * N + j] = sum;
    }
  }
}

function columnProduct(c: Float64Array, a: Fp8MatrixRef, b: Fp8MatrixRef, rows: ExpertRows): void {
  const [M, N] = [a.columns, b.columns];
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = 0;
      for (let k = rows.first; k < rows.end; k++) sum += groupedValue(a, k, i, rows) * groupedValue(b, k, j, rows);
      c[(rows.expert * M + i) * N + j] = sum;
    }
  }
}

/** Element [row, column] of matrix `batch`. */
function value({ tiling, rows, columns, codes, scales }: Fp8MatrixRef, row: number, column: number, batch = 0): number {
  const across = Math.ceil(columns / SIDE);
  const [tileRow, tileColumn] = [Math.floor(row / SIDE), Math.floor(column / SIDE)];
  const scale = {
    row: (batch * rows + row) * across + tileColumn,
    column: (batch * Math.ceil(rows / SIDE) + tileRow) * columns + column,
    block: (batch * Math.ceil(rows / SIDE) + tileRow) * across + tileColumn,
  }[tiling];
  return codes[(batch * rows + row) * columns + column]! * scales[scale]!;
}

/** Element of a matrix in column tiles that begin anew at each expert's first row. */
function groupedValue(
  { columns, codes, scales }: Fp8MatrixRef,
  row: number,
  column: number,
  { expert, first }: ExpertRows,
): number {
  const tile = Math.floor(first / SIDE) + expert + Math.floor((row - first) / SIDE);
  return codes[row * columns + column]! * scales[tile * columns + column]!;
}
