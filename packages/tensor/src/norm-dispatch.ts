/** Grids of the norm kernels, and the sums of their partial weight gradients. */
import type { Gpu } from "./gpu.ts";
import { flatGrid } from "./grid.ts";
import { intoAll } from "./into-all.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { ROW_BATCH } from "./norm-loops.ts";
import { lanesOf } from "./row-kernel.ts";
import { columnsPerGroup, sumRowsWgsl } from "./sum-rows.wgsl.ts";
import type { GradientSink } from "./tape.ts";
import type { KernelTarget } from "./target.ts";
import type { Tensor } from "./tensor.ts";

const sumRowsKernel = cachedTemplate(sumRowsWgsl);

/** Workgroups that keep a software adapter's threads busy. */
const SOFTWARE_GROUPS = 8;
/** Rows of partial sums elsewhere, at most: they are added one after the other. */
const MAX_PARTIALS = 256;

/** Operands and uniforms of one dispatch. */
interface NormDispatch {
  readonly operands: Readonly<Record<string, Tensor>>;
  readonly uniforms: Readonly<Record<string, number>>;
  readonly rows: number;
}

/** Encodes a forward kernel: several rows a workgroup on a software adapter, so that it loads the weights once. */
export function dispatchNorm(gpu: Gpu, kernel: Kernel, { operands, uniforms, rows }: NormDispatch): void {
  const wanted = gpu.target.software ? Math.ceil(rows / SOFTWARE_GROUPS) : 1;
  const rowsPerGroup = Math.max(1, Math.min(ROW_BATCH, wanted));
  gpu.dispatch(kernel, operands, { ...uniforms, rows, rowsPerGroup }, flatGrid(rows, rowsPerGroup));
}

/** Rows of a backward workgroup: each makes one row of partial sums. */
export function backwardRowsPerGroup({ software }: KernelTarget, rows: number): number {
  if (software && rows <= 2 * ROW_BATCH) return Math.max(1, rows);
  return Math.max(1, Math.ceil(rows / (software ? SOFTWARE_GROUPS : MAX_PARTIALS)));
}

/**
 * Runs a backward kernel that writes the sums of its weights' gradients over each workgroup's rows, side by side, to
 * `partial` [groups, C], and adds them up. A single sum of a single weight goes to its gradient at once.
 */
export function dispatchNormGradient(
  gpu: Gpu,
  kernel: Kernel,
  { operands, uniforms, rows }: NormDispatch,
  weights: readonly Tensor[],
  sink: GradientSink,
): void {
  const rowsPerGroup = backwardRowsPerGroup(gpu.target, rows);
  const groups = Math.max(1, Math.ceil(rows / rowsPerGroup));
  const run = (partial: Tensor, addsPartial: boolean): void => {
    const scalars = { ...uniforms, rows, rowsPerGroup, addsPartial: addsPartial ? 1 : 0 };
    gpu.dispatch(kernel, { ...operands, partial }, scalars, flatGrid(rows, rowsPerGroup));
  };
  const [only] = weights;
  if (groups === 1 && weights.length === 1 && only && rows > 0 && sink.wants(only)) {
    sink.into(only, run);
    return;
  }
  const C = weights.reduce((sum, { size }) => sum + size, 0);
  const partial = rows > 0 ? gpu.empty([groups, C], "f32", "norm partial sums") : gpu.zeros([groups, C]);
  run(partial, false);
  sumPartials(partial, weights, sink);
}

/** Gives each weight its columns of partial [rows, C], summed over the rows in order. */
function sumPartials(partial: Tensor, weights: readonly Tensor[], sink: GradientSink): void {
  const { gpu } = partial;
  const [rows, C] = partial.shape as [number, number];
  const lanes = lanesOf(gpu.target);
  const widths = Object.fromEntries(weights.map(({ size }, p) => [`width${p}`, size]));
  intoAll(sink, weights, (targets, accumulate) => {
    const outs = Object.fromEntries(targets.map((target, p) => [`out${p}`, target]));
    const grid = [Math.ceil(C / columnsPerGroup(lanes))] as const;
    gpu.dispatch(sumRowsKernel({ lanes, accumulate }), { partial, ...outs }, { rows, C, ...widths }, grid);
  });
}
