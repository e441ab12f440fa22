/**
 * What all matmul templates share: layouts, uniforms, the part of the product that a workgroup owns, and how elements of
 * A and B are read as f32 whatever they are stored as.
 *
 * Halves are bound as words, so that no feature is needed to read them. `unpack2x16float` may flush subnormals of f16 on
 * some hardware; everything else about the conversion is exact.
 */
import { DtypeError } from "@ds3/errors";
import { type Dtype, describe } from "./dtype.ts";
import type { ElementType, UniformType } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** nn: A [M, K], B [K, N]; nt: A [M, K], B [N, K]; tn: A [K, M], B [K, N]. C is [M, N]. */
export type MatmulLayout = "nn" | "nt" | "tn";

/**
 * How the rows of a product belong to experts, rows being sorted by expert.
 * none: one product per batch entry. rows: every row tile of A and C uses the B of its expert, found in `tiles`
 * (`groupTableWgsl`). k: one product per expert over its rows, which are the k of layout tn, bounded by `offsets` [E + 1].
 */
export type MatmulGrouping = "none" | "rows" | "k";

/** How an operand is stored. */
export type OperandDtype = Exclude<Dtype, "i32" | "u32">;

/** How a tensor of a product is stored. @throws DtypeError for integers. */
export function operandDtype(op: string, operand: string, { dtype, shape }: Tensor): OperandDtype {
  if (dtype !== "i32" && dtype !== "u32") return dtype;
  throw new DtypeError({ op, operand, expected: "f32, f16 or bf16", actual: describe(shape, dtype) });
}

/** What every template of a product has to know. */
export interface ProductParams {
  readonly layout: MatmulLayout;
  readonly grouped?: MatmulGrouping;
  /** Default f32. */
  readonly dtypeA?: OperandDtype;
  readonly dtypeB?: OperandDtype;
}

/**
 * lda, ldb, ldc: elements between rows as stored. strideA, strideB, strideC: elements between batch entries or experts.
 * rowsPerGroup: rows of C per workgroup. accumulate: 0 overwrites C, 1 adds to it.
 */
export const matmulUniforms: Readonly<Record<string, UniformType>> = {
  M: "u32",
  N: "u32",
  K: "u32",
  lda: "u32",
  ldb: "u32",
  ldc: "u32",
  strideA: "u32",
  strideB: "u32",
  strideC: "u32",
  rowsPerGroup: "u32",
  alpha: "f32",
  accumulate: "u32",
};

/** `nt rows f16 x f32`: the part of a label that names the product. */
export function productLabel({ layout, grouped = "none", dtypeA = "f32", dtypeB = "f32" }: ProductParams): string {
  const dtypes = dtypeA === "f32" && dtypeB === "f32" ? "" : ` ${dtypeA} x ${dtypeB}`;
  return `${layout}${grouped === "none" ? "" : ` ${grouped}`}${dtypes}`;
}

/** Inputs of a product; with `vector` A and B are bound by four elements. */
export function productReads(
  { grouped = "none", dtypeA = "f32", dtypeB = "f32" }: ProductParams,
  vector = false,
): Record<string, ElementType> {
  const element = (dtype: OperandDtype): ElementType =>
    dtype === "f32" ? (vector ? "vec4f" : "f32") : vector ? "vec2u" : "u32";
  const operands = { A: element(dtypeA), B: element(dtypeB) };
  if (grouped === "rows") return { ...operands, tiles: "vec4u" };
  return grouped === "k" ? { ...operands, offsets: "u32" } : operands;
}

/** `part(workgroup_id)`: the rows of C, the number of k, and the first elements that this workgroup works on. */
export function partWgsl(grouped: MatmulGrouping): string {
  const chunk = "let first = group.y * u.rowsPerGroup;\n  let rows = vec2u(first, min(first + u.rowsPerGroup, u.M));";
  const body = {
    none: `${chunk}
  return Part(rows, u.K, group.z * u.strideA, group.z * u.strideB, group.z * u.strideC);`,
    rows: `let tile = tiles[group.y]; // expert, first row, end row
  return Part(tile.yz, u.K, 0u, tile.x * u.strideB, 0u);`,
    k: `${chunk}
  let begin = min(offsets[group.z], u.K);
  let end = clamp(offsets[group.z + 1u], begin, u.K);
  return Part(rows, end - begin, begin * u.lda, begin * u.ldb, group.z * u.strideC);`,
  }[grouped];
  return `struct Part { rows: vec2u, depth: u32, a: u32, b: u32, c: u32 }
fn part(group: vec3u) -> Part {
  ${body}
}`;
}

/** Index of A[m, k] in elements. */
export function aIndex(layout: MatmulLayout, m: string, k: string): string {
  return layout[0] === "t" ? `p.a + ${k} * u.lda + ${m}` : `p.a + ${m} * u.lda + ${k}`;
}

/** Index of B[k, n] in elements. */
export function bIndex(layout: MatmulLayout, k: string, n: string): string {
  return layout[1] === "t" ? `p.b + ${n} * u.ldb + ${k}` : `p.b + ${k} * u.ldb + ${n}`;
}

/** How a template reads an operand: functions it has to declare, and the expression for one element as f32. */
export interface ElementAccess {
  readonly wgsl: string;
  at(index: string): string;
}

/** Reads single elements of an operand that is not bound by vectors. */
export function elementAccess(name: "A" | "B", dtype: OperandDtype = "f32"): ElementAccess {
  if (dtype === "f32") return { wgsl: "", at: (index) => `${name}[${index}]` };
  const half = `${name}[i >> 1u] >> (16u * (i & 1u))`;
  const value = dtype === "f16" ? `unpack2x16float(${half}).x` : `bitcast<f32>((${half}) << 16u)`;
  return { wgsl: `fn element${name}(i: u32) -> f32 { return ${value}; }`, at: (index) => `element${name}(${index})` };
}

/** WGSL `vector<name>(i)`: elements i to i + 3 of an operand that is bound by vectors, i a multiple of 4, as vec4f. */
export function vectorAccess(name: "A" | "B", dtype: OperandDtype = "f32"): string {
  const value = {
    f32: `${name}[i / 4u]`,
    f16: `vec4f(unpack2x16float(${name}[i / 4u].x), unpack2x16float(${name}[i / 4u].y))`,
    bf16: `bitcast<vec4f>((${name}[i / 4u].xxyy << vec4u(16u, 0u, 16u, 0u)) & vec4u(0xffff0000u))`,
  }[dtype];
  return `fn vector${name}(i: u32) -> vec4f { return ${value}; }`;
}

/** WGSL `store(p, m, n, sum)`: alpha sum to C[m, n], or added to it, where the part has such an element. */
export const STORE_WGSL = `
fn store(p: Part, m: u32, n: u32, sum: f32) {
  if (m >= p.rows.y || n >= u.N) { return; }
  let i = p.c + m * u.ldc + n;
  if (u.accumulate != 0u) { C[i] += u.alpha * sum; } else { C[i] = u.alpha * sum; }
}`;
