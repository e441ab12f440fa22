/**
 * Matrix products C = alpha A B (+ C) for software adapters. Any M, N, K, a batch, the two groupings that mixtures of
 * experts need, operands in f32 or halves; sums in f32.
 *
 * A software adapter executes one subgroup as one SIMD register, and pays some 7 ns for every lane-varying load from a
 * buffer, but nothing for constant indices into a private array: that is a memory operand on the stack. So every lane
 * keeps `depth` x `columnsPerLane` elements of B in private memory and streams rows of A past them: the lanes load
 * `lanes` consecutive k of a row together, and subgroup shuffles hand each of them to all lanes. No workgroup memory,
 * no barrier. The guard around every block of k skips what lies beyond K, and it keeps the shader compiler from
 * deferring the additions of one block past the products of the next, which would spill every register.
 *
 * alpha multiplies B where it enters the panel, once per element, not once per product. Outside [0, K) both operands are
 * zero, never just one of them: what lies beside a row may be NaN, and 0 x NaN must not reach the sum.
 */
import { defineKernel, type Kernel } from "./kernel.ts";
import {
  aIndex,
  bIndex,
  elementAccess,
  type MatmulLayout,
  matmulUniforms,
  type ProductParams,
  partWgsl,
  productLabel,
  productReads,
} from "./matmul-operands.ts";

/** Compile-time parameters of the panel kernel. */
export interface PanelParams extends ProductParams {
  /** Invocations of a workgroup, a power of two; with `subgroups` exactly one subgroup. */
  readonly lanes: number;
  /** Broadcast A by subgroup shuffles; without, every lane loads every element of A itself. */
  readonly subgroups: boolean;
  /** Columns of C per lane: a workgroup covers lanes x columnsPerLane columns. */
  readonly columnsPerLane: number;
  /** k per panel, a multiple of `lanes`. */
  readonly depth: number;
}

/**
 * The panel kernel. Bindings A, B, (tiles | offsets), C. Grid: x over columns, y over row chunks of `rowsPerGroup` (or
 * tiles), z over the batch (or experts).
 */
export function matmulPanelWgsl(params: PanelParams): Kernel {
  const { layout, grouped = "none", lanes, subgroups, columnsPerLane, depth } = params;
  const columns = range(columnsPerLane);
  const width = lanes * columnsPerLane;
  const [a, b] = [elementAccess("A", params.dtypeA), elementAccess("B", params.dtypeB)];
  const broadcast = subgroups ? "shuffle" : "load";
  return defineKernel({
    label: `matmul ${productLabel(params)} panel lanes=${lanes} ${broadcast} columns=${columnsPerLane} depth=${depth}`,
    uniforms: matmulUniforms,
    reads: productReads(params),
    writes: { C: "f32" },
    enable: subgroups ? ["subgroups"] : [],
    body: `
var<private> panel: array<f32, ${depth * columnsPerLane}>; // [depth, columnsPerLane] of alpha B, this lane's columns
${[partWgsl(grouped), a.wgsl, b.wgsl].filter(Boolean).join("\n")}
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
${columns.map((j) => `      panel[i * ${columnsPerLane}u + ${j}u] = select(0.0, u.alpha * ${b.at(bIndex(layout, "k", `n${j}`))}, inside);`).join("\n")}
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
  const { layout, lanes, subgroups, columnsPerLane, depth, dtypeA } = params;
  const load = (offset: string): string => panelLoad(layout, dtypeA, offset);
  const steps = range(lanes);
  const ahead = subgroups && layout === "tn";
  const isLast = (q + 1) * lanes === depth;
  const own = ahead ? "next" : load(`${q * lanes}u + lane`);
  const elements = subgroups
    ? [`let a = ${own};`, ...steps.map((i) => `let a${i} = subgroupShuffle(a, ${i}u);`)]
    : steps.map((i) => `let a${i} = ${load(`${q * lanes + i}u`)};`);
  const prefetch = ahead && !isLast ? [`next = ${load(`${(q + 1) * lanes}u + lane`)};`] : [];
  const sums = range(columnsPerLane).map((j) => {
    const products = steps.map((i) => `a${i} * panel[${(q * lanes + i) * columnsPerLane + j}]`);
    return `s${j} += ${balancedSum(products)};`;
  });
  return `${ahead && q === 0 ? `      var next = ${load("lane")};\n` : ""}      if (left > ${q * lanes}u) {
        ${[...elements, ...prefetch, ...sums].join("\n        ")}
      }`;
}

/** A[m, k0 + offset], zero beyond K. */
function panelLoad(layout: MatmulLayout, dtype: PanelParams["dtypeA"], offset: string): string {
  const { at } = elementAccess("A", dtype);
  return `select(0.0, ${at(aIndex(layout, "m", `(k0 + ${offset})`))}, ${offset} < left)`;
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
