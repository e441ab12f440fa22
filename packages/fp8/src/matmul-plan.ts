/**
 * Which kernel computes an FP8 product for a target and a shape, with its uniforms and grid. The figures behind the
 * choices are in docs/kernels.md, section "FP8: products".
 */
import { TILE } from "@ds3/fp8-codec";
import { cachedTemplate, type Kernel, type KernelTarget } from "@ds3/tensor";
import { fp8MatmulPanelWgsl } from "./matmul.wgsl.ts";
import type { Fp8ProductParams } from "./matmul-operands.ts";
import { fp8MatmulTiledWgsl } from "./matmul-tiled.wgsl.ts";

/** A product of quantised matrices. With groups `rows` M, with groups `k` K is the capacity of the sorted rows. */
export interface Fp8ProductShape extends Fp8ProductParams {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Experts; 1 without groups. */
  readonly E: number;
  /** Length of the table of row tiles; with groups `rows` alone. */
  readonly tileCount?: number;
  readonly accumulate: boolean;
  readonly round: boolean;
}

/** A kernel with all that a dispatch of it needs beside its buffers. */
export interface Fp8ProductPlan {
  readonly kernel: Kernel;
  readonly uniforms: Readonly<Record<string, number>>;
  readonly groups: readonly [x: number, y: number, z: number];
}

const panel = cachedTemplate(fp8MatmulPanelWgsl);
const tiled = cachedTemplate(fp8MatmulTiledWgsl);

/** Plans a product. Bindings A, B (codes), scaleA, scaleB, tiles (rows) or offsets (k), C. */
export function planFp8Matmul(target: KernelTarget, shape: Fp8ProductShape): Fp8ProductPlan {
  const { grouped, M, N, E } = shape;
  const { kernel, columns, rows } = variantFor(target, shape);
  const x = Math.ceil(N / columns);
  const z = grouped === "k" ? E : 1;
  const rowsPerGroup = rows ?? panelRows(M, x * z);
  const y = grouped === "rows" ? shape.tileCount! : Math.ceil(M / rowsPerGroup);
  return { kernel, uniforms: { ...uniformsOf(shape), rowsPerGroup }, groups: [x, y, z] };
}

function uniformsOf({ layout, grouped, M, N, K, accumulate, round }: Fp8ProductShape): Record<string, number> {
  const [columnsA, columnsB] = [layout === "tn" ? M : K, layout === "nt" ? K : N];
  const rowsB = layout === "nt" ? N : K;
  const [lda, ldb] = [Math.ceil(columnsA / 4), Math.ceil(columnsB / 4)];
  const scalesA = layout === "tn" ? M : Math.ceil(K / TILE);
  const scalesB = layout === "tn" ? N : Math.ceil(columnsB / TILE);
  return {
    ...{ M, N, K, lda, ldb, scalesA, scalesB },
    ...{ strideB: rowsB * ldb, strideScales: Math.ceil(rowsB / TILE) * scalesB },
    strideC: grouped === "k" ? M * N : 0,
    ...{ accumulate: accumulate ? 1 : 0, round: round ? 1 : 0 },
  };
}

/** A kernel, the columns of C a workgroup, and its rows where it has tiles of a fixed height. */
interface Variant {
  readonly kernel: Kernel;
  readonly columns: number;
  readonly rows?: number;
}

function variantFor(target: KernelTarget, shape: Fp8ProductShape): Variant {
  return target.software ? panelVariant(target, shape) : tiledVariant(target, shape);
}

/** Idle columns of the last workgroup count: four columns a lane are slower, but waste less where N is ragged. */
function panelVariant(target: KernelTarget, shape: Fp8ProductShape): Variant {
  const { layout, grouped, formatA, formatB, N, M, K } = shape;
  const lanes = target.subgroupSize || 8;
  const time = ({ columnsPerLane, speed }: (typeof PANELS)[number]): number => {
    const width = lanes * columnsPerLane;
    return (Math.ceil(N / width) * width) / speed;
  };
  const sizes = PANELS.filter(({ minFlops }) => 2 * M * N * K >= minFlops);
  const { columnsPerLane } = sizes.reduce((a, b) => (time(b) < time(a) ? b : a));
  const size = { lanes, subgroups: target.subgroupSize > 0, columnsPerLane, vector: M * N > 0 && N % 4 === 0 };
  return { kernel: panel({ layout, grouped, formatA, formatB, ...size }), columns: lanes * columnsPerLane };
}

/** `speed`: GFLOP/s of one core at 512^3; `minFlops`: smaller products do not earn back its compile time. */
const PANELS = [
  { columnsPerLane: 4, speed: 29, minFlops: 0 },
  { columnsPerLane: 8, speed: 35, minFlops: 2 ** 25 },
] as const;

/** The larger tile loads half as much for each product; the smaller one gives small products to more processors. */
function tiledVariant(target: KernelTarget, shape: Fp8ProductShape): Variant {
  const { layout, grouped, formatA, formatB, M, N, E } = shape;
  const f16 = target.f16 === true && formatA === "e4m3fn" && formatB === "e4m3fn";
  const large = Math.ceil(M / 64) * Math.ceil(N / 64) * E >= FULL;
  const [tileM, tileN, tileK] = [large ? 64 : 32, large ? 64 : 32, f16 ? 32 : 16];
  const kernel = tiled({ layout, grouped, formatA, formatB, tileM, tileN, tileK, staged: f16 ? "f16" : "f32" });
  return { kernel, columns: tileN, rows: tileM };
}

/** Workgroups that keep a GPU busy: an assumption, some for each of a few dozen processors. */
const FULL = 128;

/** Filling the panels of a workgroup takes as long as this many rows. */
const FILL_ROWS = 16;

/** Taller chunks leave the second cache. */
const MAX_ROWS = 1024;

/** WebGPU's limit on workgroups along one dimension. */
const MAX_GROUPS = 65_535;

/**
 * Rows per workgroup of the panel kernel, a multiple of four. How many cores there are is unknown, so the chunks minimise
 * the time on two cores plus that on eight.
 */
function panelRows(M: number, columnGroups: number): number {
  const time = (chunks: number): number => {
    const perGroup = Math.ceil(M / chunks) + FILL_ROWS;
    return (Math.ceil((columnGroups * chunks) / 2) + Math.ceil((columnGroups * chunks) / 8)) * perGroup;
  };
  const chunks = [1, 2, 4, 8, 16].reduce((a, b) => (time(b) < time(a) ? b : a));
  const rows = Math.min(Math.ceil(M / chunks), Math.max(MAX_ROWS, Math.ceil(M / MAX_GROUPS)));
  return Math.max(4, Math.ceil(rows / 4) * 4);
}
