/**
 * Matrix products C = alpha A B (+ C) with subgroup matrices: what the vendors call tensor or matrix cores.
 *
 * A workgroup computes tileM x tileN of C with subgroupsDown x subgroupsAcross subgroups, each its part of the tile as a
 * grid of result matrices. Tiles of A and B pass through workgroup memory as in the tiled kernel (two buffers, the loads
 * of the next step under way while this one's products run), which is also where ragged edges become zeros and bf16 is
 * widened; the results leave through it, one matrix of each subgroup at a time.
 *
 * Uniforms, bindings and grid are those of the other kernels. Matrices are named by their dimensions in the WGSL
 * extension: left<T, K, M>, right<T, N, K>, result<T, N, M>. Lines of the tiles are padded by 16 bytes, which keeps rows
 * aligned for matrix loads and spreads them over the banks.
 */
import { defineKernel, type Kernel } from "./kernel.ts";
import { matmulUniforms, partWgsl, productLabel, productReads, STORE_WGSL } from "./matmul-operands.ts";
import {
  fetches,
  type StagedOperand,
  type StagingParams,
  slotNumbers,
  slotWgsl,
  stagedOperands,
} from "./matmul-staging.ts";
import type { SubgroupMatrix } from "./target.ts";

/** Compile-time parameters of the subgroup-matrix kernel. */
export interface SubgroupMatrixParams extends Omit<StagingParams, "staged"> {
  /** Sums in f32. tileK is a multiple of its K; a subgroup's part of the tile one of M and N. */
  readonly matrix: SubgroupMatrix;
  readonly subgroupsDown: number;
  readonly subgroupsAcross: number;
  /** Lanes of a subgroup: the device has no other size. */
  readonly subgroupSize: number;
}

/** Bytes of workgroup memory. */
export function subgroupMatrixBytes(params: SubgroupMatrixParams): number {
  const { matrix, subgroupsDown, subgroupsAcross } = params;
  const tiles = operandsOf(params).reduce((sum, { elements }) => sum + 2 * elements, 0);
  const results = subgroupsDown * subgroupsAcross * matrix.M * matrix.N;
  return tiles * (matrix.component === "f16" ? 2 : 4) + results * 4;
}

/** The kernel. Bindings A, B, (tiles | offsets), C. Grid: x over columns, y over row chunks, z over the batch. */
export function matmulSubgroupMatrixWgsl(params: SubgroupMatrixParams): Kernel {
  const {
    grouped = "none",
    tileM,
    tileN,
    tileK,
    vector,
    matrix,
    subgroupsDown,
    subgroupsAcross,
    subgroupSize,
  } = params;
  const { M, N, K, component } = matrix;
  const subgroups = subgroupsDown * subgroupsAcross;
  const lanes = subgroups * subgroupSize;
  const [a, b] = operandsOf(params);
  const [down, across] = [range(tileM / subgroupsDown / M), range(tileN / subgroupsAcross / N)];
  const cells = down.flatMap((i) => across.map((j) => ({ i, j })));
  const left = `subgroup_matrix_left<${component}, ${K}, ${M}>`;
  const right = `subgroup_matrix_right<${component}, ${N}, ${K}>`;
  return defineKernel({
    label: `matmul ${productLabel(params)} subgroup matrix ${component} ${M}x${N}x${K} tiles ${tileM}x${tileN}x${tileK} subgroups ${subgroupsDown}x${subgroupsAcross}x${subgroupSize}${vector ? " vector" : ""}`,
    uniforms: matmulUniforms,
    reads: productReads(params, vector),
    writes: { C: "f32" },
    enable: ["subgroups", ...(component === "f16" ? (["f16"] as const) : []), "chromium_experimental_subgroup_matrix"],
    body: `
var<workgroup> tileA: array<${component}, ${2 * a.elements}>; // two buffers
var<workgroup> tileB: array<${component}, ${2 * b.elements}>;
var<workgroup> results: array<f32, ${subgroups * M * N}>; // one matrix a subgroup
${partWgsl(grouped)}
${slotWgsl({ ...params, staged: component })}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) member: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u)) { return; }
  let column0 = group.x * ${tileN}u;
  let down = subgroup / ${subgroupsAcross}u * ${tileM / subgroupsDown}u; // the subgroup's part of the tile
  let across = subgroup % ${subgroupsAcross}u * ${tileN / subgroupsAcross}u;
  for (var row0 = p.rows.x; row0 < p.rows.y; row0 += ${tileM}u) {
${cells.map(({ i, j }) => `    var c${i}_${j} = subgroup_matrix_result<f32, ${N}, ${M}>();`).join("\n")}
${fetches([a, b], lanes, "0u")
  .map((fetch) => `    var ${fetch}`)
  .join("\n")}
    var buffer = 0u;
    for (var k0 = 0u; k0 < p.depth; k0 += ${tileK}u) {
${[a, b].flatMap((operand) => stores(operand, lanes)).join("\n")}
      workgroupBarrier();
      let k1 = k0 + ${tileK}u;
      if (k1 < p.depth) {
${fetches([a, b], lanes, "k1")
  .map((fetch) => `        ${fetch}`)
  .join("\n")}
      }
      for (var k = 0u; k < ${tileK}u; k += ${K}u) {
${down.map((i) => `        let a${i} = ${load(a, left, `down + ${i * M}u`)};`).join("\n")}
${across.map((j) => `        let b${j} = ${load(b, right, `across + ${j * N}u`)};`).join("\n")}
${cells.map(({ i, j }) => `        c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`).join("\n")}
      }
      buffer = 1u - buffer;
    }
${cells.map((cell) => storeCell(cell, params)).join("\n")}
  }
}
${STORE_WGSL}`,
  });
}

/** A staged operand whose lines are padded. */
interface PaddedOperand extends StagedOperand {
  /** Elements from one line to the next, and of a buffer. */
  readonly pitch: number;
  readonly elements: number;
}

function operandsOf(params: SubgroupMatrixParams): readonly [PaddedOperand, PaddedOperand] {
  const pad = params.matrix.component === "f16" ? 8 : 4;
  const padded = (operand: StagedOperand): PaddedOperand => {
    const pitch = operand.slotsPerLine * 4 + pad;
    return { ...operand, pitch, elements: (operand.slots / operand.slotsPerLine) * pitch };
  };
  const [a, b] = stagedOperands(params);
  return [padded(a), padded(b)];
}

/** Registers to the current buffer, element by element: matrices are loaded from arrays of scalars. */
function stores(operand: PaddedOperand, lanes: number): string[] {
  const { name, slots, slotsPerLine, pitch, elements } = operand;
  return slotNumbers(operand, lanes).flatMap((slot, i) => {
    const place = `at${name}${i}`;
    const copies = range(4)
      .map((c) => `tile${name}[${place} + ${c}u] = next${name}${i}.${"xyzw"[c]};`)
      .join(" ");
    return [
      `      let ${place} = buffer * ${elements}u + ${slot} / ${slotsPerLine}u * ${pitch}u + ${slot} % ${slotsPerLine}u * 4u;`,
      (i + 1) * lanes <= slots ? `      ${copies}` : `      if (${slot} < ${slots}u) { ${copies} }`,
    ];
  });
}

/** The matrix of an operand at `line` (a row of A or column of B) and k of the current buffer. */
function load({ name, alongK, pitch, elements }: PaddedOperand, type: string, line: string): string {
  const [outer, inner] = alongK ? [`(${line})`, "k"] : ["k", `${line}`];
  // Rows of the left matrix run along k, rows of the right one along n.
  const order = alongK === (name === "A") ? "row_major" : "col_major";
  return `subgroupMatrixLoad<${type}, ${order}>(&tile${name}, buffer * ${elements}u + ${outer} * ${pitch}u + ${inner}, ${pitch}u)`;
}

/** One result matrix of each subgroup to workgroup memory, from there what lies inside to C. */
function storeCell(
  { i, j }: { i: number; j: number },
  { matrix: { M, N }, subgroupSize }: SubgroupMatrixParams,
): string {
  return `    subgroupMatrixStore<row_major>(&results, subgroup * ${M * N}u, c${i}_${j}, ${N}u);
    workgroupBarrier();
    for (var e = member; e < ${M * N}u; e += ${subgroupSize}u) {
      store(p, row0 + down + ${i * M}u + e / ${N}u, column0 + across + ${j * N}u + e % ${N}u, results[subgroup * ${M * N}u + e]);
    }
    workgroupBarrier();`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
