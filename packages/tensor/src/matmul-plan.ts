/**
 * Which matmul kernel of `matmul-variants.ts` runs for a target and a shape, with its uniforms and grid.
 *
 * The figures behind the choices are in docs/kernels.md, section Matmul. Few pipelines on purpose: a software adapter
 * compiles each for 0.2 to 0.7 s at its first dispatch (the deepest panel for 2 s).
 */
import { DtypeError } from "@ds3/errors";
import { pitchOf } from "./dtype.ts";
import { MAX_GROUPS } from "./grid.ts";
import { groupTableWgsl } from "./group-table.wgsl.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { matmulEntry } from "./kernel-request.ts";
import type { MatmulLayout, OperandDtype } from "./matmul-operands.ts";
import { defaultVariant, isAligned, type MatmulRequest, type MatmulVariant, variantsFor } from "./matmul-variants.ts";
import type { KernelTarget } from "./target.ts";

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
  /** Default f32. */
  readonly dtypeA?: OperandDtype;
  readonly dtypeB?: OperandDtype;
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
  /** Default f32. */
  readonly dtypeA?: OperandDtype;
  readonly dtypeB?: OperandDtype;
}

/** Plans a dense or batched product. Bindings A, B, C. */
export function planMatmul(target: KernelTarget, shape: MatmulShape): KernelPlan {
  const { M, N, K, batch = 1, alpha = 1, accumulate = false } = shape;
  const distances = distancesOf(shape);
  const aligned = isAligned(shape) && Object.values(distances).every((elements) => elements % 4 === 0);
  const variant = matmulVariant(target, { ...shape, aligned });
  const x = Math.ceil(N / variant.columns);
  const rowsPerGroup = variant.rows ?? panelRows(M, x * batch);
  const uniforms = {
    ...{ M, N, K, ...distances, ldc: shape.ldc ?? N },
    ...{ strideC: shape.strideC ?? M * N, rowsPerGroup, alpha, accumulate: accumulate ? 1 : 0 },
  };
  const groups = variant.kind === "matvec" ? foldColumns(x, batch) : ([x, Math.ceil(M / rowsPerGroup), batch] as const);
  return { kernel: variant.kernel, uniforms, groups };
}

/** Elements between rows and between batch entries of A and B; rows of halves are padded to an even length. */
function distancesOf(shape: MatmulShape): Record<"lda" | "ldb" | "strideA" | "strideB", number> {
  const { layout, M, N, K, dtypeA = "f32", dtypeB = "f32" } = shape;
  const [rowsA, columnsA] = layout === "tn" ? [K, M] : [M, K];
  const [rowsB, columnsB] = layout === "nt" ? [N, K] : [K, N];
  const [pitchA, pitchB] = [pitchOf(columnsA, dtypeA), pitchOf(columnsB, dtypeB)];
  return {
    ...{ lda: shape.lda ?? pitchA, ldb: shape.ldb ?? pitchB },
    ...{ strideA: shape.strideA ?? rowsA * pitchA, strideB: shape.strideB ?? rowsB * pitchB },
  };
}

/** Plans a product of experts. Bindings A, B, tiles (rows: from `planGroupTable`) or offsets (k), C. */
export function planGroupedMatmul(target: KernelTarget, shape: GroupedMatmulShape): KernelPlan {
  const { grouped, layout, R, E, N, alpha = 1, accumulate = false, dtypeA = "f32", dtypeB = "f32" } = shape;
  const [M, K] = grouped === "rows" ? [R, shape.K] : [shape.M, R];
  const variant = chooseVariant(target, { layout, grouped, M, N, K, batch: 1, groups: E, dtypeA, dtypeB });
  const { lda, ldb, strideB } = distancesOf({ layout, M, N, K, dtypeA, dtypeB });
  const x = Math.ceil(N / variant.columns);
  const rowsPerGroup = grouped === "rows" ? groupTileRows(target, R) : (variant.rows ?? panelRows(M, x * E));
  const uniforms = {
    ...{ M, N, K, lda, ldb, ldc: N },
    ...{ strideA: 0, strideB: grouped === "rows" ? strideB : 0, strideC: grouped === "rows" ? 0 : M * N },
    ...{ rowsPerGroup, alpha, accumulate: accumulate ? 1 : 0 },
  };
  const y = grouped === "rows" ? groupTileCount(target, R, E) : Math.ceil(M / rowsPerGroup);
  return { kernel: variant.kernel, uniforms, groups: [x, y, grouped === "rows" ? 1 : E] };
}

/** Plans the tile table for `rows` products: reads offsets [E + 1] u32, writes tiles [groupTileCount] vec4u. */
export function planGroupTable(target: KernelTarget, { R, E }: { readonly R: number; readonly E: number }): KernelPlan {
  const tileCount = groupTileCount(target, R, E);
  return {
    kernel: groupTable(),
    uniforms: { E, R, tileRows: groupTileRows(target, R), tileCount },
    groups: [Math.ceil(tileCount / 64), 1, 1],
  };
}

const groupTable = cachedTemplate(groupTableWgsl);

/** Tiles in the table of R rows and E experts: every expert may end with an incomplete one. */
export function groupTileCount(target: KernelTarget, R: number, E: number): number {
  return R === 0 ? 0 : Math.ceil(R / groupTileRows(target, R)) + E;
}

/**
 * Rows of an expert per tile. The panel kernel fills its panels once a tile, which costs as much as FILL_ROWS rows, so its
 * tiles are tall once there are enough of them for the cores; the same for all products of a layer, which share the table.
 */
export function groupTileRows(target: KernelTarget, R: number): number {
  if (!target.software) return HARDWARE_TILE_ROWS;
  return R >= 2048 ? 256 : R >= 512 ? 128 : 64;
}

/** The kernel for a target and a dense product. @throws DtypeError when none takes operands of these dtypes. */
export function matmulVariant(
  target: KernelTarget,
  shape: MatmulShape & Pick<MatmulRequest, "aligned">,
): MatmulVariant {
  const { layout, M, N, K, batch = 1, dtypeA = "f32", dtypeB = "f32", aligned = isAligned(shape) } = shape;
  return chooseVariant(target, { layout, grouped: "none", M, N, K, batch, dtypeA, dtypeB, aligned });
}

/** The variant that the kernel table names, when there is one that runs here and serves the request; else the default. */
function chooseVariant(target: KernelTarget, request: MatmulRequest): MatmulVariant {
  const id = matmulEntry(target, request);
  const named = id === undefined ? undefined : variantsFor(target, request).find((spec) => spec.id === id);
  const spec = named ?? defaultVariant(target, request);
  if (spec) return spec.build(target, request);
  const { layout, grouped, dtypeA, dtypeB } = request;
  const actual = `${dtypeA} and ${dtypeB}, layout ${layout}, groups ${grouped}`;
  throw new DtypeError({
    op: "matmul",
    operand: "a, b",
    expected: "dtypes that a kernel of this adapter takes",
    actual,
  });
}

/** A tile of the tiled kernels is that high or an even part of it. */
const HARDWARE_TILE_ROWS = 64;

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
