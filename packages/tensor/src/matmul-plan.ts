/**
 * Which matmul kernel runs for a target and a shape, with its uniforms and grid: the one table of the family.
 *
 * The figures behind the choices are in docs/kernels.md, section Matmul. Few pipelines on purpose: a software adapter
 * compiles each for 0.2 to 0.7 s at its first dispatch (the deepest panel for 2 s).
 */
import { MAX_GROUPS } from "./grid.ts";
import { groupTableWgsl } from "./group-table.wgsl.ts";
import type { Kernel } from "./kernel.ts";
import { type MatmulGrouping, type MatmulLayout, matmulPanelWgsl, matmulTiledWgsl, TILE } from "./matmul.wgsl.ts";
import { MATVEC_NT_COLUMNS, matvecNnWgsl, matvecNtWgsl } from "./matvec.wgsl.ts";
import { type KernelTarget, teamOf } from "./target.ts";

/** A kernel with all that a dispatch of it needs beside its buffers. */
export interface KernelPlan {
  readonly kernel: Kernel;
  readonly uniforms: Readonly<Record<string, number>>;
  /** Workgroups in x, y, z; a zero among them when there is nothing to do. */
  readonly groups: readonly [x: number, y: number, z: number];
}

/**
 * C [batch, M, N] = alpha A B, or C += with `accumulate`. Sizes in elements. Row distances default to contiguous
 * matrices, batch strides to contiguous batches; a stride of 0 shares an operand. Accepts any M, N, K, batch >= 0;
 * K = 0 gives zeros.
 */
export interface MatmulShape {
  readonly layout: MatmulLayout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly batch?: number;
  readonly lda?: number;
  readonly ldb?: number;
  readonly ldc?: number;
  readonly strideA?: number;
  readonly strideB?: number;
  readonly strideC?: number;
  readonly alpha?: number;
  readonly accumulate?: boolean;
}

/**
 * rows: C [R, N] = A [R, K] B_e, B [E, K, N] (nn) or [E, N, K] (nt). k: C [E, M, N] = A_e^T B_e, A [R, M], B [R, N] (tn).
 * R is the capacity of the sorted rows; rows of C from offsets[E] on are left as they are.
 */
export type GroupedMatmulShape =
  | (GroupedCommon & { readonly grouped: "rows"; readonly layout: "nn" | "nt"; readonly K: number })
  | (GroupedCommon & { readonly grouped: "k"; readonly layout: "tn"; readonly M: number });

interface GroupedCommon {
  readonly R: number;
  readonly E: number;
  readonly N: number;
  readonly alpha?: number;
  readonly accumulate?: boolean;
}

/** Output block of a workgroup, and the template that computes it. */
export interface MatmulVariant {
  readonly kind: "panel" | "tiled" | "matvec";
  readonly columns: number;
  readonly kernel: Kernel;
}

/** Plans a dense or batched product. Bindings A, B, C. */
export function planMatmul(target: KernelTarget, shape: MatmulShape): KernelPlan {
  const { layout, M, N, K, batch = 1, alpha = 1, accumulate = false } = shape;
  const variant = matmulVariant(target, shape);
  const x = Math.ceil(N / variant.columns);
  const rowsPerGroup = variant.kind === "tiled" ? TILE : panelRows(M, x * batch);
  const uniforms = {
    ...{ M, N, K, lda: shape.lda ?? (layout === "tn" ? M : K), ldb: shape.ldb ?? (layout === "nt" ? K : N) },
    ...{ ldc: shape.ldc ?? N, strideA: shape.strideA ?? M * K, strideB: shape.strideB ?? K * N },
    ...{ strideC: shape.strideC ?? M * N, rowsPerGroup, alpha, accumulate: accumulate ? 1 : 0 },
  };
  const groups = variant.kind === "matvec" ? foldColumns(x, batch) : ([x, Math.ceil(M / rowsPerGroup), batch] as const);
  return { kernel: variant.kernel, uniforms, groups };
}

/** Plans a product of experts. Bindings A, B, tiles (rows: from `planGroupTable`) or offsets (k), C. */
export function planGroupedMatmul(target: KernelTarget, shape: GroupedMatmulShape): KernelPlan {
  const { grouped, layout, R, E, N, alpha = 1, accumulate = false } = shape;
  const [M, K] = grouped === "rows" ? [R, shape.K] : [shape.M, R];
  const variant = matmulVariant(target, { layout, M, N, K }, grouped);
  const x = Math.ceil(N / variant.columns);
  const rowsPerGroup =
    grouped === "rows" ? groupTileRows(target, R) : variant.kind === "tiled" ? TILE : panelRows(M, x * E);
  const uniforms = {
    ...{ M, N, K, lda: grouped === "rows" ? K : M, ldb: layout === "nt" ? K : N, ldc: N },
    ...{ strideA: 0, strideB: grouped === "rows" ? K * N : 0, strideC: grouped === "rows" ? 0 : M * N },
    ...{ rowsPerGroup, alpha, accumulate: accumulate ? 1 : 0 },
  };
  const y = grouped === "rows" ? groupTileCount(target, R, E) : Math.ceil(M / rowsPerGroup);
  return { kernel: variant.kernel, uniforms, groups: [x, y, grouped === "rows" ? 1 : E] };
}

/** Plans the tile table for `rows` products: reads offsets [E + 1] u32, writes tiles [groupTileCount] vec4u. */
export function planGroupTable(target: KernelTarget, { R, E }: { readonly R: number; readonly E: number }): KernelPlan {
  const tileCount = groupTileCount(target, R, E);
  const kernel = cached("table", groupTableWgsl);
  return {
    kernel,
    uniforms: { E, R, tileRows: groupTileRows(target, R), tileCount },
    groups: [Math.ceil(tileCount / 64), 1, 1],
  };
}

/** Tiles in the table of R rows and E experts: every expert may end with an incomplete one. */
export function groupTileCount(target: KernelTarget, R: number, E: number): number {
  return R === 0 ? 0 : Math.ceil(R / groupTileRows(target, R)) + E;
}

/**
 * Rows of an expert per tile. The panel kernel fills its panels once a tile, which costs as much as FILL_ROWS rows, so its
 * tiles are tall once there are enough of them for the cores; the same for all products of a layer, which share the table.
 */
export function groupTileRows(target: KernelTarget, R: number): number {
  if (!target.software) return TILE;
  return R >= 2048 ? 256 : R >= 512 ? 128 : 64;
}

/** The kernel for a target and shape; `planMatmul` and `planGroupedMatmul` call it. */
export function matmulVariant(
  target: KernelTarget,
  { layout, M, N, K, batch = 1 }: MatmulShape,
  grouped: MatmulGrouping = "none",
): MatmulVariant {
  if (M === 1 && grouped === "none" && layout !== "tn") return matvecVariant(target, layout);
  if (!target.software) {
    const kernel = cached(`tiled ${layout} ${grouped}`, () => matmulTiledWgsl({ layout, grouped }));
    return { kind: "tiled", columns: TILE, kernel };
  }
  const lanes = target.subgroupSize || 8;
  const subgroups = target.subgroupSize > 0;
  const { columnsPerLane, depth } = panelSize(N, 2 * M * N * K * batch, lanes);
  // Without shuffles the shader has `lanes` loads in the place of one: half the depth halves its compile time.
  const params = { layout, grouped, lanes, subgroups, columnsPerLane, depth: subgroups ? depth : depth / 2 };
  const kernel = cached(`panel ${Object.values(params).join(" ")}`, () => matmulPanelWgsl(params));
  return { kind: "panel", columns: lanes * columnsPerLane, kernel };
}

function matvecVariant(target: KernelTarget, layout: "nn" | "nt"): MatmulVariant {
  if (layout === "nt") {
    const team = teamOf(target);
    const kernel = cached(`matvec nt ${team.size} ${team.subgroup}`, () => matvecNtWgsl(team));
    return { kind: "matvec", columns: MATVEC_NT_COLUMNS, kernel };
  }
  const [lanes, columnsPerLane] = target.software ? [target.subgroupSize || 8, 4] : [64, 1];
  const kernel = cached(`matvec nn ${lanes} ${columnsPerLane}`, () => matvecNnWgsl(lanes, columnsPerLane));
  return { kind: "matvec", columns: lanes * columnsPerLane, kernel };
}

/** The panel with the least time for N columns, the idle columns of the last workgroup included. */
function panelSize(N: number, flops: number, lanes: number): (typeof PANELS)[number] {
  const time = ({ columnsPerLane, speed }: (typeof PANELS)[number]): number =>
    (Math.ceil(N / (lanes * columnsPerLane)) * columnsPerLane) / speed;
  return PANELS.filter(({ minFlops }) => flops >= minFlops).reduce((a, b) => (time(b) < time(a) ? b : a));
}

/**
 * Speeds are GFLOP/s of one core at 512^3. The deepest panel compiles for 2 s instead of 0.7: only products whose every
 * run takes tens of milliseconds earn that back.
 */
const PANELS = [
  { columnsPerLane: 8, depth: 64, speed: 26, minFlops: 0 },
  { columnsPerLane: 4, depth: 128, speed: 24, minFlops: 0 },
  { columnsPerLane: 1, depth: 128, speed: 11, minFlops: 0 },
  { columnsPerLane: 8, depth: 128, speed: 30, minFlops: 2 ** 31 },
] as const;

/** Filling the panels of a workgroup takes as long as this many rows. */
const FILL_ROWS = 24;

/** Taller chunks leave the second cache. */
const MAX_ROWS = 1024;

/**
 * Rows per workgroup of the panel kernel. How many cores there are is unknown, so the chunks minimise the time on two
 * cores plus that on eight; an even number of workgroups for each, not too many panels filled.
 */
function panelRows(M: number, columnGroups: number): number {
  const time = (chunks: number): number => {
    const perGroup = Math.ceil(M / chunks) + FILL_ROWS;
    return (Math.ceil((columnGroups * chunks) / 2) + Math.ceil((columnGroups * chunks) / 8)) * perGroup;
  };
  const chunks = [1, 2, 4, 8, 16].reduce((a, b) => (time(b) < time(a) ? b : a));
  return Math.max(1, Math.min(Math.ceil(M / chunks), Math.max(MAX_ROWS, Math.ceil(M / MAX_GROUPS))));
}

function foldColumns(x: number, batch: number): readonly [number, number, number] {
  const y = Math.max(1, Math.ceil(x / MAX_GROUPS));
  return [Math.ceil(x / y), y, batch];
}

const kernels = new Map<string, Kernel>();

/** Templates are pure, so each text is built once. */
function cached(key: string, build: () => Kernel): Kernel {
  const known = kernels.get(key) ?? build();
  kernels.set(key, known);
  return known;
}
