/**
 * Matrix products C = alpha A B (+ C) as kernel templates: the panel kernel for software adapters, the tiled kernel for
 * everything else. Both take any M, N, K, a batch, and the two groupings that mixtures of experts need.
 *
 * Panel. A software adapter executes one subgroup as one SIMD register, and pays some 7 ns for every lane-varying load
 * from a buffer, but nothing for constant indices into a private array: that is a memory operand on the stack. So every
 * lane keeps `depth` x `columnsPerLane` elements of B in private memory and streams rows of A past them: the lanes load
 * `lanes` consecutive k of a row together, and subgroup shuffles hand each of them to all lanes. No workgroup memory,
 * no barrier. The guard around every block of k skips what lies beyond K, and it keeps the shader compiler from
 * deferring the additions of one block past the products of the next, which would spill every register.
 *
 * Tiled. The classic: 64 x 64 outputs per workgroup of 256, blocks of 16 k in workgroup memory, 4 x 4 outputs per
 * invocation, strided by 16 so that neighbouring invocations touch neighbouring addresses.
 *
 * alpha multiplies B where it enters the panel or tile, once per element, not once per product. Outside [0, K) both
 * operands are zero, never just one of them: what lies beside a row may be NaN, and 0 x NaN must not reach the sum.
 */
import { defineKernel, type ElementType, type Kernel, type UniformType } from "./kernel.ts";

/** nn: A [M, K], B [K, N]; nt: A [M, K], B [N, K]; tn: A [K, M], B [K, N]. C is [M, N]. */
export type MatmulLayout = "nn" | "nt" | "tn";

/**
 * How the rows of a product belong to experts, rows being sorted by expert.
 * none: one product per batch entry. rows: every row tile of A and C uses the B of its expert, found in `tiles`
 * (`groupTableWgsl`). k: one product per expert over its rows, which are the k of layout tn, bounded by `offsets` [E + 1].
 */
export type MatmulGrouping = "none" | "rows" | "k";

/** Compile-time parameters of the panel kernel. */
export interface PanelParams {
  readonly layout: MatmulLayout;
  readonly grouped?: MatmulGrouping;
  /** Invocations of a workgroup, a power of two; with `subgroups` exactly one subgroup. */
  readonly lanes: number;
  /** Broadcast A by subgroup shuffles; without, every lane loads every element of A itself. */
  readonly subgroups: boolean;
  /** Columns of C per lane: a workgroup covers lanes x columnsPerLane columns. */
  readonly columnsPerLane: number;
  /** k per panel, a multiple of `lanes`. */
  readonly depth: number;
}

/** Compile-time parameters of the tiled kernel. */
export interface TiledParams {
  readonly layout: MatmulLayout;
  readonly grouped?: MatmulGrouping;
}

/** Rows and columns of C per workgroup of the tiled kernel. */
export const TILE = 64;
const TILE_DEPTH = 16;

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

/**
 * The panel kernel. Bindings A, B, (tiles | offsets), C. Grid: x over columns, y over row chunks of `rowsPerGroup` (or
 * tiles), z over the batch (or experts).
 */
export function matmulPanelWgsl(params: PanelParams): Kernel {
  const { layout, grouped = "none", lanes, subgroups, columnsPerLane, depth } = params;
  const columns = range(columnsPerLane);
  const width = lanes * columnsPerLane;
  const group = grouped === "none" ? "" : ` ${grouped}`;
  const broadcast = subgroups ? "shuffle" : "load";
  return defineKernel({
    label: `matmul ${layout}${group} panel lanes=${lanes} ${broadcast} columns=${columnsPerLane} depth=${depth}`,
    uniforms: matmulUniforms,
    reads: matmulReads(grouped),
    writes: { C: "f32" },
    enable: subgroups ? ["subgroups"] : [],
    body: `
var<private> panel: array<f32, ${depth * columnsPerLane}>; // [depth, columnsPerLane] of alpha B, this lane's columns
${partWgsl(grouped)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u)) { return; }
  let column = group.x * ${width}u + lane;
${columns.map((j) => `  let n${j} = min(column + ${j * lanes}u, u.N - 1u);`).join("\n")}
  for (var k0 = 0u; k0 == 0u || k0 < p.depth; k0 += ${depth}u) {
    let left = p.depth - k0;
    let filled = min(${depth}u, (left + ${lanes - 1}u) / ${lanes}u * ${lanes}u);
    for (var i = 0u; i < filled; i++) {
      let inside = i < left;
      let k = k0 + i;
${columns.map((j) => `      panel[i * ${columnsPerLane}u + ${j}u] = select(0.0, u.alpha * B[${bIndex(layout, "k", `n${j}`)}], inside);`).join("\n")}
    }
    let resume = k0 > 0u || u.accumulate != 0u;
    for (var m = p.rows.x; m < p.rows.y; m++) {
      let row = p.c + m * u.ldc;
${columns.map((j) => `      var s${j} = 0.0;`).join("\n")}
      if (resume) {
${columns.map((j) => `        s${j} = C[row + n${j}];`).join("\n")}
      }
${range(depth / lanes)
  .map((q) => panelBlock(params, q))
  .join("\n")}
${columns.map((j) => `      if (column + ${j * lanes}u < u.N) { C[row + n${j}] = s${j}; }`).join("\n")}
    }
  }
}`,
  });
}

/**
 * `lanes` consecutive k of one row: elements of A to all lanes, then a balanced sum of products per column. Layout tn
 * loads one block ahead: its elements lie whole rows apart and miss the first cache.
 */
function panelBlock(params: PanelParams, q: number): string {
  const { layout, lanes, subgroups, columnsPerLane, depth } = params;
  const steps = range(lanes);
  const ahead = subgroups && layout === "tn";
  const isLast = (q + 1) * lanes === depth;
  const own = ahead ? "next" : panelLoad(layout, `${q * lanes}u + lane`);
  const elements = subgroups
    ? [`let a = ${own};`, ...steps.map((i) => `let a${i} = subgroupShuffle(a, ${i}u);`)]
    : steps.map((i) => `let a${i} = ${panelLoad(layout, `${q * lanes + i}u`)};`);
  const prefetch = ahead && !isLast ? [`next = ${panelLoad(layout, `${(q + 1) * lanes}u + lane`)};`] : [];
  const sums = range(columnsPerLane).map((j) => {
    const products = steps.map((i) => `a${i} * panel[${(q * lanes + i) * columnsPerLane + j}]`);
    return `s${j} += ${balancedSum(products)};`;
  });
  return `${ahead && q === 0 ? `      var next = ${panelLoad(layout, "lane")};\n` : ""}      if (left > ${q * lanes}u) {
        ${[...elements, ...prefetch, ...sums].join("\n        ")}
      }`;
}

/** A[m, k0 + offset], zero beyond K. */
function panelLoad(layout: MatmulLayout, offset: string): string {
  return `select(0.0, A[${aIndex(layout, "m", `(k0 + ${offset})`)}], ${offset} < left)`;
}

/** The tiled kernel: same uniforms, bindings and grid, with tiles of 64 x 64; a row chunk may hold several tiles. */
export function matmulTiledWgsl({ layout, grouped = "none" }: TiledParams): Kernel {
  const cells = range(4);
  return defineKernel({
    label: `matmul ${layout}${grouped === "none" ? "" : ` ${grouped}`} tiled ${TILE}x${TILE}x${TILE_DEPTH}`,
    uniforms: matmulUniforms,
    reads: matmulReads(grouped),
    writes: { C: "f32" },
    body: `
var<workgroup> tileA: array<f32, ${TILE_DEPTH * (TILE + 1)}>; // [k, m], padded: transposed stores hit different banks
var<workgroup> tileB: array<f32, ${TILE_DEPTH * (TILE + 1)}>; // [k, n] of alpha B
${partWgsl(grouped)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u)) { return; }
  let column0 = group.x * ${TILE}u;
  let x = lane % 16u;
  let y = lane / 16u;
  for (var row0 = p.rows.x; row0 < p.rows.y; row0 += ${TILE}u) {
${cells.flatMap((i) => cells.map((j) => `    var s${i}${j} = 0.0;`)).join("\n")}
    for (var k0 = 0u; k0 < p.depth; k0 += ${TILE_DEPTH}u) {
      for (var i = lane; i < ${TILE * TILE_DEPTH}u; i += 256u) {
        let a = ${layout[0] === "t" ? slotAlongTile : slotAlongDepth};
        let b = ${layout[1] === "t" ? slotAlongDepth : slotAlongTile};
        let m = row0 + a.x;
        let n = column0 + b.x;
        var elementA = 0.0;
        var elementB = 0.0;
        if (m < p.rows.y && k0 + a.y < p.depth) { elementA = A[${aIndex(layout, "m", "(k0 + a.y)")}]; }
        if (n < u.N && k0 + b.y < p.depth) { elementB = u.alpha * B[${bIndex(layout, "(k0 + b.y)", "n")}]; }
        tileA[a.y * ${TILE + 1}u + a.x] = elementA;
        tileB[b.y * ${TILE + 1}u + b.x] = elementB;
      }
      workgroupBarrier();
      for (var k = 0u; k < ${TILE_DEPTH}u; k++) {
${cells.map((i) => `        let a${i} = tileA[k * ${TILE + 1}u + y + ${i * 16}u];`).join("\n")}
${cells.map((j) => `        let b${j} = tileB[k * ${TILE + 1}u + x + ${j * 16}u];`).join("\n")}
${cells.flatMap((i) => cells.map((j) => `        s${i}${j} += a${i} * b${j};`)).join("\n")}
      }
      workgroupBarrier();
    }
${cells.flatMap((i) => cells.map((j) => `    store(p, row0 + y + ${i * 16}u, column0 + x + ${j * 16}u, s${i}${j});`)).join("\n")}
  }
}

fn store(p: Part, m: u32, n: u32, sum: f32) {
  if (m >= p.rows.y || n >= u.N) { return; }
  let i = p.c + m * u.ldc + n;
  if (u.accumulate != 0u) { C[i] += sum; } else { C[i] = sum; }
}`,
  });
}

/** (position in the tile, k) of the i-th element copied: neighbours in i are neighbours in memory. */
const slotAlongTile = `vec2u(i % ${TILE}u, i / ${TILE}u)`;
const slotAlongDepth = `vec2u(i / ${TILE_DEPTH}u, i % ${TILE_DEPTH}u)`;

function matmulReads(grouped: MatmulGrouping): Record<string, ElementType> {
  const operands = { A: "f32", B: "f32" } as const;
  if (grouped === "rows") return { ...operands, tiles: "vec4u" };
  return grouped === "k" ? { ...operands, offsets: "u32" } : operands;
}

/** `part(workgroup_id)`: the rows of C, the number of k, and the first elements that this workgroup works on. */
function partWgsl(grouped: MatmulGrouping): string {
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

function aIndex(layout: MatmulLayout, m: string, k: string): string {
  return layout[0] === "t" ? `p.a + ${k} * u.lda + ${m}` : `p.a + ${m} * u.lda + ${k}`;
}

function bIndex(layout: MatmulLayout, k: string, n: string): string {
  return layout[1] === "t" ? `p.b + ${n} * u.ldb + ${k}` : `p.b + ${k} * u.ldb + ${n}`;
}

/** ((t0 + t1) + (t2 + t3)) ...: short chains, in one fixed order. */
function balancedSum(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0] as string;
  const half = terms.length >> 1;
  return `(${balancedSum(terms.slice(0, half))} + ${balancedSum(terms.slice(half))})`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
