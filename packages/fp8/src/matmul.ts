import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { Tiling } from "@ds3/fp8-codec";
import type { RowGroups, Tensor } from "@ds3/tensor";
import type { Fp8Layout } from "./matmul-operands.ts";
import { type Fp8MatmulIntoOptions, type Fp8MatmulOptions, type Fp8Problem, runFp8Product } from "./matmul-run.ts";
import { checkNames, unknownName } from "./matrix-parts.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/**
 * C = A B of quantised matrices: f32 [M, N].
 *
 * Per 128 of k the products of decoded codes are summed in f32 without scales, then the sum enters C times both scales
 * (DeepSeek-V3 report, section 3.3). A tile whose scale or code is NaN makes NaN of the rows or columns that use it, and
 * of nothing else. Operands are e4m3fn or e5m2, also one of each. Accepts any M, N, K >= 0; K = 0 gives zeros. Records
 * no gradients.
 * @throws ShapeError when K differs, the tilings are not those of the layout, or an operand is a batch or has groups;
 * DtypeError for codes of e5m6; OutOfRangeError for another layout.
 */
export function fp8Matmul(a: QuantizedMatrix, b: QuantizedMatrix, { layout }: Fp8MatmulOptions): Tensor {
  const problem = denseProblem("fp8Matmul", a, b, layout);
  const c = a.codes.gpu.empty([problem.M, problem.N], "f32", "fp8Matmul");
  runFp8Product(c.gpu.target, problem, { a, b, c }, { layout, accumulate: false });
  return c;
}

/**
 * As `fp8Matmul` into memory that is there: c f32 [..., N] of M x N elements, overwritten or added to.
 * @throws as there; ConfigError for another rounding.
 */
export function fp8MatmulInto(c: Tensor, a: QuantizedMatrix, b: QuantizedMatrix, options: Fp8MatmulIntoOptions): void {
  checkRounding("fp8MatmulInto", options);
  const problem = denseProblem("fp8MatmulInto", a, b, options.layout);
  assertOutput("fp8MatmulInto", c, [problem.M, problem.N]);
  runFp8Product(c.gpu.target, problem, { a, b, c }, options);
}

/**
 * One FP8 product an expert, over rows that are sorted by expert, in one dispatch.
 *
 * nt: c [R, N] = a [R, K] b_e^T, b a batch of E [N, K]; nn: c [R, N] = a [R, K] b_e, b a batch of E [K, N]; rows of c that
 * no expert has stay as they are. tn: c [E, M, N], c_e = a_e^T b_e of a [R, M] and b [R, N], both in column tiles made with
 * these very `groups`; an expert without rows gets zeros, or what is there if it is added to.
 * @throws ShapeError, DtypeError, OutOfRangeError as `fp8Matmul`, ConfigError as `fp8MatmulInto`.
 */
export function fp8GroupedMatmulInto(
  c: Tensor,
  a: QuantizedMatrix,
  b: QuantizedMatrix,
  groups: RowGroups,
  options: Fp8MatmulIntoOptions,
): void {
  const op = "fp8GroupedMatmulInto";
  const { layout } = options;
  checkRounding(op, options);
  assertTilings(op, a, b, layout);
  assertCount(op, "a", "matrices", a.batch, 1, "Only b is a batch, of one matrix an expert.");
  assertCount(op, "a", "rows", a.rows, groups.R, "Give the groups of these rows.");
  const experts = layout === "tn" ? 1 : groups.E;
  assertCount(op, "b", "matrices", b.batch, experts, "Block tiles of a tensor [E, rows, columns] are a batch.");
  if (layout === "tn") {
    assertOwnTiles(op, "a", a, groups);
    assertOwnTiles(op, "b", b, groups);
  }
  const problem = problemOf(op, a, b, layout);
  const { M, N } = problem;
  assertOutput(op, c, layout === "tn" ? [groups.E, M, N] : [M, N]);
  runFp8Product(c.gpu.target, problem, { a, b, c, groups }, options);
}

function checkRounding(op: string, { round }: Fp8MatmulIntoOptions): void {
  if (round !== undefined) checkNames(op, { round });
}

function denseProblem(op: string, a: QuantizedMatrix, b: QuantizedMatrix, layout: Fp8Layout): Fp8Problem {
  assertTilings(op, a, b, layout);
  for (const [operand, { batch, groups }] of Object.entries({ a, b })) {
    const hint = "Use fp8GroupedMatmulInto for one product an expert.";
    assertCount(op, operand, "matrices", batch, 1, hint);
    assertCount(op, operand, "groups that its tiles begin with", groups?.E ?? 0, 0, hint);
  }
  return problemOf(op, a, b, layout);
}

const TILINGS: Readonly<Record<Fp8Layout, readonly [a: Tiling, b: Tiling]>> = {
  nt: ["row", "block"],
  nn: ["row", "block"],
  tn: ["column", "column"],
};

function assertTilings(op: string, a: QuantizedMatrix, b: QuantizedMatrix, layout: Fp8Layout): void {
  const tilings = Object.hasOwn(TILINGS, layout) ? TILINGS[layout] : undefined;
  if (!tilings) throw new OutOfRangeError(unknownName(op, "layout", layout, Object.keys(TILINGS)));
  for (const [i, matrix] of [a, b].entries()) {
    const operand = i === 0 ? "a" : "b";
    if (matrix.format === "e5m6") {
      const hint = "Requantise it to e4m3fn tiles first.";
      throw new DtypeError({ op, operand, expected: "codes of e4m3fn or e5m2", actual: "e5m6", hint });
    }
    if (matrix.tiling === tilings[i]) continue;
    const expected = `${tilings[i]} tiles for layout ${layout}`;
    const hint = "Quantise it with the tiling that the layout reads.";
    throw new ShapeError({ op, operand, expected, actual: `${matrix.tiling} tiles`, hint });
  }
}

function problemOf(op: string, a: QuantizedMatrix, b: QuantizedMatrix, layout: Fp8Layout): Fp8Problem {
  const [M, K] = layout === "tn" ? [a.columns, a.rows] : [a.rows, a.columns];
  const [N, inner] = layout === "nt" ? [b.rows, b.columns] : [b.columns, b.rows];
  assertCount(
    op,
    "b",
    layout === "nt" ? "columns (K)" : "rows (K)",
    inner,
    K,
    "Give matrices that share K, or the layout in which they do.",
  );
  return { M, N, K };
}

/** Offsets are on the device: other groups of as many rows and experts would go unnoticed, and give other scales. */
function assertOwnTiles(op: string, operand: string, matrix: QuantizedMatrix, groups: RowGroups): void {
  if (matrix.groups?.offsets === groups.offsets) return;
  const expected = "column tiles made with the offsets of the product's groups";
  const actual = matrix.groups ? "tiles made with others" : "tiles that span groups";
  const hint = 'Use quantize(x, { tiling: "column", groups }) with these groups.';
  throw new ShapeError({ op, operand, expected, actual, hint });
}

function assertCount(op: string, operand: string, what: string, actual: number, expected: number, hint: string): void {
  if (actual === expected) return;
  throw new ShapeError({ op, operand, expected: `${expected} ${what}`, actual: `${actual}`, hint });
}

function assertOutput(op: string, c: Tensor, shape: readonly number[]): void {
  const size = shape.reduce((product, n) => product * n, 1);
  if (c.dtype === "f32" && c.size === size && c.shape.at(-1) === shape.at(-1)) return;
  const hint = 'Use gpu.empty(shape, "f32"); leading axes may be split.';
  throw new ShapeError({ op, operand: "c", expected: `f32 [${shape.join(", ")}]`, actual: `${c}`, hint });
}
