/**
 * The kernels that can compute a matrix product, each with where it runs, what it serves, and its place in the default
 * order. `matmul-plan.ts` chooses among them; tests and `pnpm tune` run all that the present adapter can run.
 */
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { matmulPanelWgsl } from "./matmul.wgsl.ts";
import type { MatmulGrouping, MatmulLayout, OperandDtype } from "./matmul-operands.ts";
import {
  matmulSubgroupMatrixWgsl,
  type SubgroupMatrixParams,
  subgroupMatrixBytes,
} from "./matmul-subgroup-matrix.wgsl.ts";
import { matmulTiledWgsl, type TiledParams, tiledBytes, tiledLanes } from "./matmul-tiled.wgsl.ts";
import { MATVEC_NT_COLUMNS, matvecNnWgsl, matvecNtWgsl } from "./matvec.wgsl.ts";
import { fitsWorkgroup, type KernelTarget, teamOf } from "./target.ts";

/** What a product asks of a kernel. Sizes in elements; the result is f32 always. */
export interface MatmulRequest {
  readonly layout: MatmulLayout;
  readonly grouped: MatmulGrouping;
  /** With groups: rows of all groups together (`rows`), or of each group's result (`k`). */
  readonly M: number;
  readonly N: number;
  /** With groups `k`: rows of all groups together. */
  readonly K: number;
  /** 1 with groups. */
  readonly batch: number;
  /** How many groups (experts); absent without. */
  readonly groups?: number;
  readonly dtypeA: OperandDtype;
  readonly dtypeB: OperandDtype;
  /** Whether A and B can be loaded by four elements (see `isAligned`); default: what contiguous operands allow. */
  readonly aligned?: boolean;
}

/** Whether the lengths of an operand pair along memory are multiples of four, so that vectors of four can be loaded. */
export function isAligned({ layout, M, N, K }: Pick<MatmulRequest, "layout" | "M" | "N" | "K">): boolean {
  const [a, b] = [layout === "tn" ? M : K, layout === "nt" ? K : N];
  return a % 4 === 0 && b % 4 === 0;
}

/** A kernel and the block of C that a workgroup of it computes. */
export interface MatmulVariant {
  /**
   * How the grid is laid out. panel: `columns` by as many rows as keep the cores busy (uniform rowsPerGroup). tiled:
   * `columns` by `rows`; a workgroup that gets more rows takes several tiles. matvec: one row, columns over x and y.
   */
  readonly kind: "panel" | "tiled" | "matvec";
  readonly columns: number;
  /** Rows of C a workgroup, of kind tiled. */
  readonly rows?: number;
  /** Bindings A, B, (tiles | offsets), C and the uniforms `matmulUniforms`. */
  readonly kernel: Kernel;
}

/** One entry of the registry. */
export interface MatmulVariantSpec {
  /** Its name in kernel tables: once published it keeps its meaning. */
  readonly id: string;
  /** Whether the adapter can run it: features, subgroup size, workgroup limits. */
  runsOn(target: KernelTarget): boolean;
  /** Whether it computes such a product: shape, layout, groups, dtypes. */
  serves(request: MatmulRequest): boolean;
  /** Called at every dispatch: kernels come from a cache. */
  build(target: KernelTarget, request: MatmulRequest): MatmulVariant;
  /**
   * The default order of preference: an estimate of the time, in a unit that all variants share (idle columns of the last
   * workgroup included, divided by the kernel's speed); Infinity where only a kernel table may choose it.
   */
  cost(target: KernelTarget, request: MatmulRequest): number;
}

/** Invocations of a panel workgroup: one subgroup, or as many lanes as the SIMD registers of most processors. */
function panelLanes(target: KernelTarget): number {
  return target.subgroupSize || 8;
}

function isF32({ dtypeA, dtypeB }: MatmulRequest): boolean {
  return dtypeA === "f32" && dtypeB === "f32";
}

const panel = cachedTemplate(matmulPanelWgsl);
const tiled = cachedTemplate(matmulTiledWgsl);
const subgroupMatrix = cachedTemplate(matmulSubgroupMatrixWgsl);
const matvecNt = cachedTemplate(matvecNtWgsl);
const matvecNn = cachedTemplate(matvecNnWgsl);

/** `speed`: GFLOP/s of one core at 512^3; `minFlops`: smaller products do not earn back its compile time. */
interface PanelSize {
  readonly columnsPerLane: number;
  readonly depth: number;
  readonly speed: number;
  readonly minFlops: number;
}

/** The panel kernel of some size, for software adapters. Operands of any dtype. */
function panelVariant({ columnsPerLane, depth, speed, minFlops }: PanelSize): MatmulVariantSpec {
  return {
    id: `panel-${columnsPerLane}x${depth}`,
    runsOn: ({ software }) => software,
    serves: () => true,
    build: (target, { layout, grouped, dtypeA, dtypeB }) => {
      const lanes = panelLanes(target);
      const subgroups = target.subgroupSize > 0;
      // Without shuffles the shader has `lanes` loads in the place of one: half the depth halves its compile time.
      const size = { lanes, subgroups, columnsPerLane, depth: subgroups ? depth : depth / 2 };
      const params = { layout, grouped, dtypeA, dtypeB, ...size };
      return { kind: "panel", columns: lanes * columnsPerLane, kernel: panel(params) };
    },
    cost: (target, { M, N, K, batch }) => {
      if (2 * M * N * K * batch < minFlops) return Number.POSITIVE_INFINITY;
      const lanes = panelLanes(target);
      return (Math.ceil(N / (lanes * columnsPerLane)) * lanes * columnsPerLane) / speed;
    },
  };
}

type TileSize = Pick<TiledParams, "tileM" | "tileN" | "tileK" | "rowsPerLane" | "columnsPerLane" | "staged">;

/** The tiled kernel of some size, for GPUs; with f16 tiles for products of f16 alone. `speed` as in `hardwareCost`. */
function tiledVariant(size: TileSize, speed: number): MatmulVariantSpec {
  const { tileM, tileN, tileK, staged = "f32" } = size;
  const limits = { ...size, layout: "nn" as const, vector: true };
  return {
    id: `${staged === "f16" ? "f16" : "tiled"}-${tileM}x${tileN}x${tileK}`,
    runsOn: (target) =>
      fitsWorkgroup(target, tiledLanes(limits), tiledBytes(limits)) && (staged === "f32" || target.f16 === true),
    serves: ({ dtypeA, dtypeB }) => staged === "f32" || (dtypeA === "f16" && dtypeB === "f16"),
    build: (_, request) => {
      const { layout, grouped, dtypeA, dtypeB, aligned: vector = isAligned(request) } = request;
      const kernel = tiled({ layout, grouped, dtypeA, dtypeB, vector, ...size });
      return { kind: "tiled", columns: tileN, rows: tileM, kernel };
    },
    cost: (target, request) => hardwareCost(target, request, tileM, tileN, speed),
  };
}

/**
 * The kernel of subgroup matrices: 2 x 2 subgroups, each with 32 x 32 of C. f16: for products of f16 alone. f32: for all,
 * with halves widened, where the device has matrices of f32.
 */
function subgroupMatrixVariant(component: "f16" | "f32", tileK: number, speed: number): MatmulVariantSpec {
  const tile = { tileM: 64, tileN: 64, tileK, subgroupsDown: 2, subgroupsAcross: 2 };
  const sizes = (target: KernelTarget): Omit<SubgroupMatrixParams, "layout" | "vector"> | undefined => {
    const fitting = (target.subgroupMatrix ?? []).filter(
      ({ M, N, K, ...types }) =>
        types.component === component && types.result === "f32" && 32 % M === 0 && 32 % N === 0 && tileK % K === 0,
    );
    // Each instruction does more with larger ones.
    const matrix = fitting.toSorted((a, b) => b.M * b.N * b.K - a.M * a.N * a.K)[0];
    return matrix && { ...tile, matrix, subgroupSize: target.subgroupSize };
  };
  return {
    id: `subgroup-matrix-${component}-${tile.tileM}x${tile.tileN}x${tileK}`,
    runsOn: (target) => {
      const size = sizes(target);
      if (!size || target.subgroupSize === 0 || (component === "f16" && !target.f16)) return false;
      // nt pads its lines the most.
      const bytes = subgroupMatrixBytes({ ...size, layout: "nt", vector: true });
      return fitsWorkgroup(target, 4 * target.subgroupSize, bytes);
    },
    serves: ({ dtypeA, dtypeB }) => component === "f32" || (dtypeA === "f16" && dtypeB === "f16"),
    build: (target, request) => {
      const { layout, grouped, dtypeA, dtypeB, aligned: vector = isAligned(request) } = request;
      const kernel = subgroupMatrix({ layout, grouped, dtypeA, dtypeB, vector, ...sizes(target)! });
      return { kind: "tiled", columns: tile.tileN, rows: tile.tileM, kernel };
    },
    cost: (target, request) => hardwareCost(target, request, tile.tileM, tile.tileN, speed),
  };
}

/**
 * Idle rows and columns of the last tiles, and idle processors where there are fewer tiles than FULL. `speed` is an
 * assumption, not a measurement: what a larger tile, which loads less for each product, may gain over 64 x 64 at 1000, and what matrix units may.
 */
function hardwareCost(
  { software }: KernelTarget,
  { M, N, batch, groups = 1 }: MatmulRequest,
  rows: number,
  columns: number,
  speed: number,
): number {
  // On a software adapter every barrier and every access to workgroup memory is a round trip to memory.
  if (software) return Number.POSITIVE_INFINITY;
  const [down, across] = [Math.ceil(M / rows), Math.ceil(N / columns)];
  const idle = Math.max(1, FULL / (down * across * Math.max(batch, groups)));
  return (((down * rows) / Math.max(1, M)) * across * columns * idle) / speed;
}

/** Workgroups that keep a GPU busy: an assumption as well, some for each of a few dozen processors. */
const FULL = 128;

const matvecVariant: MatmulVariantSpec = {
  id: "matvec",
  runsOn: () => true,
  serves: (request) => isF32(request) && request.M === 1 && request.grouped === "none" && request.layout !== "tn",
  build: (target, { layout }) => {
    if (layout === "nt") return { kind: "matvec", columns: MATVEC_NT_COLUMNS, kernel: matvecNt(teamOf(target)) };
    const [lanes, columnsPerLane] = target.software ? [panelLanes(target), 4] : [64, 1];
    return { kind: "matvec", columns: lanes * columnsPerLane, kernel: matvecNn(lanes, columnsPerLane) };
  },
  // Everything else first copies each element of B that it uses once.
  cost: () => 0,
};

/** All variants; of equal cost the first is taken. The figures behind the sizes are in docs/kernels.md, section Matmul. */
export const MATMUL_VARIANTS: readonly MatmulVariantSpec[] = [
  matvecVariant,
  panelVariant({ columnsPerLane: 8, depth: 64, speed: 26, minFlops: 0 }),
  panelVariant({ columnsPerLane: 4, depth: 128, speed: 24, minFlops: 0 }),
  panelVariant({ columnsPerLane: 1, depth: 128, speed: 11, minFlops: 0 }),
  // Compiles for 2 s instead of 0.7: products of a real training step earn that back within a hundred steps.
  panelVariant({ columnsPerLane: 8, depth: 128, speed: 30, minFlops: 2 ** 25 }),
  subgroupMatrixVariant("f16", 16, 4000),
  subgroupMatrixVariant("f32", 8, 2000),
  tiledVariant({ tileM: 64, tileN: 64, tileK: 16, rowsPerLane: 4, columnsPerLane: 4 }, 1000),
  tiledVariant({ tileM: 32, tileN: 32, tileK: 16, rowsPerLane: 4, columnsPerLane: 4 }, 700),
  tiledVariant({ tileM: 128, tileN: 128, tileK: 8, rowsPerLane: 8, columnsPerLane: 8 }, 1300),
  tiledVariant({ tileM: 64, tileN: 64, tileK: 16, rowsPerLane: 8, columnsPerLane: 4, staged: "f16" }, 1100),
  tiledVariant({ tileM: 128, tileN: 128, tileK: 16, rowsPerLane: 8, columnsPerLane: 8, staged: "f16" }, 1400),
];

/** Every variant that a target can run and that serves a request, whichever is preferred. */
export function variantsFor(target: KernelTarget, request: MatmulRequest): MatmulVariantSpec[] {
  return MATMUL_VARIANTS.filter((spec) => spec.runsOn(target) && spec.serves(request));
}

/** The variant that runs without a kernel table: the one of least cost. Undefined when none serves the request. */
export function defaultVariant(target: KernelTarget, request: MatmulRequest): MatmulVariantSpec | undefined {
  const costs = variantsFor(target, request).map((spec) => ({ spec, cost: spec.cost(target, request) }));
  return costs.reduce<(typeof costs)[number] | undefined>((a, b) => (a && a.cost <= b.cost ? a : b), undefined)?.spec;
}
