/**
 * What kernels over rows and over flat ranges have in common: the grid and the loops.
 *
 * A workgroup takes `rowsPerGroup` rows one after the other, its lanes side by side along the columns: no integer
 * division per element, and neighbouring lanes touch neighbouring addresses. On a software adapter starting a workgroup
 * costs as much as some 30 elements, so a group gets about a thousand of them there; elsewhere a group has one row.
 */

import type { Gpu } from "./gpu.ts";
import { FLAT_INDEX, flatGrid } from "./grid.ts";
import type { Kernel } from "./kernel.ts";
import { type KernelTarget, type Team, teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

/** Elements per workgroup to aim at. */
const SOFTWARE_SPAN = 1024;
const SPAN = 512;
/** Workgroups that keep a software adapter's threads busy. */
const SOFTWARE_GROUPS = 8;
/** Parameters of a kernel that only maps: its lanes share no values. */
export interface MapParams {
  /** Invocations per workgroup. */
  readonly lanes: number;
  /** Adds to the output instead of overwriting it: gradients that arrive second. */
  readonly accumulate?: boolean;
  /** Buffers of vec4f, all counts in vectors: a third less time on a software adapter where sizes allow it. */
  readonly vectors?: boolean;
}

/** WGSL element of the buffers of a kernel. */
export function elementOf({ vectors = false }: { readonly vectors?: boolean }): "f32" | "vec4f" {
  return vectors ? "vec4f" : "f32";
}

/** How many floats an element has where all of `counts` are whole vectors: 4, else 1. */
export function vectorWidth(...counts: readonly number[]): 1 | 4 {
  return counts.every((count) => count % 4 === 0) ? 4 : 1;
}

/** Parameters of a kernel in which a team shares a row and reduces over it. */
export interface RowTeamParams {
  readonly team: Team;
  /** Adds to the output instead of overwriting it. */
  readonly accumulate?: boolean;
}

/** The part of a label that names a team. */
export function teamLabel({ team, accumulate = false }: RowTeamParams): string {
  return `lanes=${team.size} ${team.subgroup ? "subgroup" : "workgroup"}${accumulate ? " accumulate" : ""}`;
}

/** Invocations per workgroup of a map kernel: of one subgroup on software adapters, more where nothing is shared. */
export function lanesOf(target: KernelTarget): number {
  return target.software ? teamOf(target).size : 64;
}

/** The part of a kernel's label that names its parameters. */
export function mapLabel({ lanes, accumulate = false, vectors = false }: MapParams): string {
  return `lanes=${lanes}${vectors ? " vec4f" : ""}${accumulate ? " accumulate" : ""}`;
}

/** WGSL assignment operator of an output. */
export function assignment({ accumulate = false }: MapParams): string {
  return accumulate ? "+=" : "=";
}

/** Uniforms of every row kernel; `dispatchRows` fills them in. */
export const rowUniforms = { rows: "u32", rowsPerGroup: "u32" } as const;

/** WGSL entry point that runs `body` for each `row` of the workgroup, with `lane`. */
export function rowMain(lanes: number, body: string): string {
  return `${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let firstRow = flatGroup(group, groups) * u.rowsPerGroup;
  let endRow = min(firstRow + u.rowsPerGroup, u.rows);
  for (var row = firstRow; row < endRow; row++) {
${indent(body, 4)}
  }
}`;
}

/** Uniforms of every flat kernel; `dispatchFlat` fills them in. */
export const flatUniforms = { size: "u32", span: "u32" } as const;

/** WGSL entry point that runs `body(i)` for each index `i` of `u.size` elements. */
export function flatMain(lanes: number, body: (i: string) => string): string {
  return `${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let first = min(flatGroup(group, groups) * u.span, u.size);
  let end = min(first + u.span, u.size);
${indent(eachIndex(lanes, "first", "end", body), 2)}
}`;
}

/** WGSL loop in which the lanes share the indices from `from` to `to` (excluded); `body` sees one index. */
export function eachIndex(lanes: number, from: string, to: string, body: (i: string) => string): string {
  return `for (var i = ${from} + lane; i < ${to}; i += ${lanes}u) { ${body("i")} }`;
}

/** How many elements a row kernel visits. */
export interface RowExtent {
  readonly rows: number;
  /** Elements of a row, to size the groups. */
  readonly columns: number;
}

/** Encodes a kernel made with `rowMain`. */
export function dispatchRows(
  gpu: Gpu,
  kernel: Kernel,
  operands: Readonly<Record<string, Tensor>>,
  uniforms: Readonly<Record<string, number>>,
  { rows, columns }: RowExtent,
): void {
  const wanted = gpu.target.software ? Math.floor(SOFTWARE_SPAN / Math.max(1, columns)) : 1;
  const rowsPerGroup = Math.max(1, Math.min(wanted, Math.ceil(rows / SOFTWARE_GROUPS)));
  gpu.dispatch(kernel, operands, { ...uniforms, rows, rowsPerGroup }, flatGrid(rows, rowsPerGroup));
}

/** Encodes a kernel made with `flatMain` over `size` elements, which may be vectors. */
export function dispatchFlat(
  gpu: Gpu,
  kernel: Kernel,
  operands: Readonly<Record<string, Tensor>>,
  uniforms: Readonly<Record<string, number>>,
  size: number,
): void {
  const span = gpu.target.software ? SOFTWARE_SPAN : SPAN;
  gpu.dispatch(kernel, operands, { ...uniforms, size, span }, flatGrid(size, span));
}

/** Number of rows of a tensor: the product of all axes but the last. */
export function rowsOf(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((product, n) => product * n, 1);
}

/** Indents the lines of a piece of WGSL. */
export function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}
