/**
 * The kernels that can compute a matrix product, each with where it runs, what it serves, and its place in the default
 * order. `matmul-plan.ts` chooses among them; tests and `pnpm tune` run all that the present adapter can run.
 */
import type { Dtype } from "./dtype.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { type MatmulGrouping, type MatmulLayout, matmulPanelWgsl, matmulTiledWgsl, TILE } from "./matmul.wgsl.ts";
import { MATVEC_NT_COLUMNS, matvecNnWgsl, matvecNtWgsl } from "./matvec.wgsl.ts";
import { type KernelTarget, teamOf } from "./target.ts";

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
  readonly dtypeA: Dtype;
  readonly dtypeB: Dtype;
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
const matvecNt = cachedTemplate(matvecNtWgsl);
const matvecNn = cachedTemplate(matvecNnWgsl);

/** `speed`: GFLOP/s of one core at 512^3; `minFlops`: smaller products do not earn back its compile time. */
interface PanelSize {
  readonly columnsPerLane: number;
  readonly depth: number;
  readonly speed: number;
  readonly minFlops: number;
}

/** The panel kernel of some size, for software adapters. */
function panelVariant({ columnsPerLane, depth, speed, minFlops }: PanelSize): MatmulVariantSpec {
  return {
    id: `panel-${columnsPerLane}x${depth}`,
    runsOn: ({ software }) => software,
    serves: isF32,
    build: (target, { layout, grouped }) => {
      const lanes = panelLanes(target);
      const subgroups = target.subgroupSize > 0;
      // Without shuffles the shader has `lanes` loads in the place of one: half the depth halves its compile time.
      const params = { layout, grouped, lanes, subgroups, columnsPerLane, depth: subgroups ? depth : depth / 2 };
      return { kind: "panel", columns: lanes * columnsPerLane, kernel: panel(params) };
    },
    cost: (target, { M, N, K, batch }) => {
      if (2 * M * N * K * batch < minFlops) return Number.POSITIVE_INFINITY;
      const lanes = panelLanes(target);
      return (Math.ceil(N / (lanes * columnsPerLane)) * lanes * columnsPerLane) / speed;
    },
  };
}

const tiledVariant: MatmulVariantSpec = {
  id: "tiled-64x64x16",
  runsOn: () => true,
  serves: isF32,
  build: (_, { layout, grouped }) => ({ kind: "tiled", columns: TILE, rows: TILE, kernel: tiled({ layout, grouped }) }),
  // On a software adapter every barrier and every access to workgroup memory is a round trip to memory.
  cost: ({ software }, { N }) => (software ? Number.POSITIVE_INFINITY : (Math.ceil(N / TILE) * TILE) / HARDWARE_SPEED),
};

/** Of the tiled kernel on hardware: the scale for other variants there. */
const HARDWARE_SPEED = 1000;

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
  // Compiles for 2 s instead of 0.7: only products whose every run takes tens of milliseconds earn that back.
  panelVariant({ columnsPerLane: 8, depth: 128, speed: 30, minFlops: 2 ** 31 }),
  tiledVariant,
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
