/**
 * What the templates of FP8 products share: layouts, uniforms, the part of the product that a workgroup owns, and where
 * its scales lie.
 *
 * Sums run over 128 of k, which share a scale of A and one of B: the products of a stretch are summed as decoded codes,
 * without scales, and the sum enters C times both scales, in f32 (DeepSeek-V3 report, section 3.3.2, promotion).
 */
import type { Fp8Format } from "@ds3/fp8-codec";
import { codeName, decodeWgsl } from "./codes.wgsl.ts";
import { bf16Wgsl } from "./round-to-bf16.wgsl.ts";

/** nt: A [M, K] in row tiles, B [N, K] in blocks; nn: A [M, K] in row tiles, B [K, N] in blocks; tn: A [K, M], B [K, N] in column tiles. */
export type Fp8Layout = "nt" | "nn" | "tn";

/** How rows belong to experts. rows: the rows of A and C (nt, nn). k: the rows of A and B, one product an expert (tn). */
export type Fp8Grouping = "none" | "rows" | "k";

/** What every template of a product has to know. */
export interface Fp8ProductParams {
  readonly layout: Fp8Layout;
  readonly grouped: Fp8Grouping;
  readonly formatA: Fp8Format;
  readonly formatB: Fp8Format;
}

/**
 * lda, ldb: words between rows of codes; strideB: words between experts. scalesA, scalesB: elements between rows of
 * scales; strideScales: elements of B's scales between experts. strideC: elements between experts. rowsPerGroup: rows of
 * C a workgroup. accumulate: 0 overwrites C, 1 adds to it. round: 1 rounds what is finished to bf16.
 */
export const fp8MatmulUniforms = {
  M: "u32",
  N: "u32",
  K: "u32",
  lda: "u32",
  ldb: "u32",
  scalesA: "u32",
  scalesB: "u32",
  strideB: "u32",
  strideScales: "u32",
  strideC: "u32",
  rowsPerGroup: "u32",
  accumulate: "u32",
  round: "u32",
} as const;

/** `nt rows e4m3fn x e5m2`: the part of a label that names the product. */
export function fp8ProductLabel({ layout, grouped, formatA, formatB }: Fp8ProductParams): string {
  return `${layout}${grouped === "none" ? "" : ` ${grouped}`} ${formatA} x ${formatB}`;
}

/** Inputs of a product. */
export function fp8ProductReads(grouped: Fp8Grouping): Readonly<Record<string, "u32" | "f32" | "vec4u">> {
  const operands = { A: "u32", B: "u32", scaleA: "f32", scaleB: "f32" } as const;
  if (grouped === "rows") return { ...operands, tiles: "vec4u" };
  return grouped === "k" ? { ...operands, offsets: "u32" } : operands;
}

/**
 * WGSL of a product: `part(workgroup_id)` with the rows of C, the number of k, and the first word of A and B, scale and
 * element of C that a workgroup works on; decoders; `toBf16`.
 */
export function fp8ProductWgsl({ grouped, formatA, formatB }: Fp8ProductParams): string {
  return `${partWgsl(grouped)}
${[...new Set([formatA, formatB])].map((format) => decodeWgsl(format)).join("\n")}
${bf16Wgsl("u32")}
fn toBf16(value: f32) -> f32 { return bitcast<f32>(bf16Bits(bitcast<u32>(value))); }`;
}

/** Decodes byte number `byte` of a word; an expression in `shift` bits for one that is not known before. */
export function decoded(format: Fp8Format, word: string, byte: number | { readonly shift: string }): string {
  const shift = typeof byte === "number" ? `${8 * byte}u` : byte.shift;
  return `decode${codeName(format)}(${shift === "0u" ? word : `${word} >> ${shift}`})`;
}

function partWgsl(grouped: Fp8Grouping): string {
  const chunk = "let first = group.y * u.rowsPerGroup;\n  let rows = vec2u(first, min(first + u.rowsPerGroup, u.M));";
  const body = {
    none: `${chunk}
  return Part(rows, u.K, 0u, 0u, 0u, 0u, 0u);`,
    rows: `let tile = tiles[group.y]; // expert, first row, end row
  return Part(tile.yz, u.K, 0u, tile.x * u.strideB, 0u, tile.x * u.strideScales, 0u);`,
    // Tile t of expert e is row floor(offsets[e] / 128) + e + t of the scales.
    k: `${chunk}
  let begin = min(offsets[group.z], u.K);
  let end = clamp(offsets[group.z + 1u], begin, u.K);
  let tile = begin / 128u + group.z;
  return Part(rows, end - begin, begin * u.lda, begin * u.ldb, tile * u.scalesA, tile * u.scalesB, group.z * u.strideC);`,
  }[grouped];
  return `struct Part { rows: vec2u, depth: u32, a: u32, b: u32, sa: u32, sb: u32, c: u32 }
fn part(group: vec3u) -> Part {
  ${body}
}`;
}

/** Index of the scale of row m of A for tile `tile` of k. */
export function scaleIndexA(layout: Fp8Layout, m: string, tile: string): string {
  return layout === "tn" ? `p.sa + ${tile} * u.scalesA + ${m}` : `p.sa + ${m} * u.scalesA + ${tile}`;
}

/** Index of the scale of column n of B for tile `tile` of k. */
export function scaleIndexB(layout: Fp8Layout, n: string, tile: string): string {
  if (layout === "tn") return `p.sb + ${tile} * u.scalesB + ${n}`;
  return layout === "nt" ? `p.sb + ${n} / 128u * u.scalesB + ${tile}` : `p.sb + ${tile} * u.scalesB + ${n} / 128u`;
}
