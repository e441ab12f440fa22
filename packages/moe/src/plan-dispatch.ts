import { OutOfRangeError } from "@ds3/errors";
import { dims, flatGrid, type KernelTarget, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { countBlocksWgsl, placeSlotsWgsl, planAloneWgsl, scanBlocksWgsl } from "./plan-dispatch.wgsl.ts";
import { accumulateLoad } from "./update-bias.ts";

/** Where each token's copies go when rows are sorted by expert. R = T K rows, one for every chosen expert. */
export interface DispatchPlan {
  readonly T: number;
  readonly K: number;
  /** Number of experts. */
  readonly E: number;
  /** u32 [E]: tokens per expert. */
  readonly load: Tensor;
  /** u32 [E + 1]: expert e owns rows offsets[e] to offsets[e + 1]. */
  readonly offsets: Tensor;
  /** u32 [T, K]: the row of each choice. */
  readonly position: Tensor;
  /** u32 [R]: the token of each row. */
  readonly source: Tensor;
}

/** Options of `planDispatch`. */
export interface PlanOptions {
  /** u32 [E], a step's loads so far: this one's are added, in place, except in the second run of a `checkpoint`. */
  readonly total?: Tensor;
}

/** Experts that fit the smallest workgroup memory, 16 KiB. */
const MAX_EXPERTS = 4095;

/**
 * Sorts the router's choices by expert, on the GPU, without reading them back.
 *
 * indices u32 [T, K] below `nRoutedExperts`, as `route` gives them. Within an expert rows are in token order, so the plan
 * is the same on every run. Has no gradient. Accepts any T >= 0. Cost: one dispatch for few rows on a software adapter, else
 * three, and one for `total`.
 * @throws ShapeError, DtypeError for other indices; OutOfRangeError above 4095 experts.
 */
export function planDispatch(indices: Tensor, nRoutedExperts: number, { total }: PlanOptions = {}): DispatchPlan {
  const { T, K } = dims("planDispatch", { indices: "T K" }, { indices });
  assertDtype("planDispatch", "u32", { indices });
  assertExperts(nRoutedExperts);
  const [E, R, { gpu }] = [nRoutedExperts, T * K, indices];
  const load = gpu.empty([E], "u32", "moe load");
  const offsets = gpu.empty([E + 1], "u32", "moe offsets");
  const position = gpu.empty([T, K], "u32", "moe position");
  const source = gpu.empty([R], "u32", "moe source");
  const plan = { T, K, E, load, offsets, position, source };
  if (fitsOneGroup(gpu.target, R, E)) {
    planAlone(indices, plan, total);
    return plan;
  }
  const { lanes, block } = blocking(gpu.target);
  const blocks = Math.ceil(R / block);
  const counts = gpu.empty([blocks, E], "u32", "moe block counts");
  const starts = gpu.empty([blocks, E], "u32", "moe block starts");
  gpu.dispatch(countBlocksWgsl({ lanes, block, E }), { indices, counts }, { R, blocks }, flatGrid(blocks, 1));
  gpu.dispatch(scanBlocksWgsl({ lanes, E }), { counts, starts, load, offsets }, { blocks }, [1]);
  const place = placeSlotsWgsl({ lanes, block, E });
  gpu.dispatch(place, { indices, starts, position, source }, { R, K, blocks }, flatGrid(blocks, 1));
  gpu.free(counts);
  gpu.free(starts);
  if (total) accumulateLoad(total, load);
  return plan;
}

/** Slots that one workgroup of a software adapter plans in less time than the dispatches of three kernels take. */
const MAX_SLOTS_ALONE = 16_384;
/** Words of the smallest workgroup memory, 16 KiB. */
const WORKGROUP_WORDS = 4096;

function fitsOneGroup(target: KernelTarget, R: number, E: number): boolean {
  const words = blocking(target).lanes * E + E + 1;
  return target.software && R <= MAX_SLOTS_ALONE && words <= WORKGROUP_WORDS;
}

function planAlone(indices: Tensor, plan: DispatchPlan, total: Tensor | undefined): void {
  const { T, K, E, load, offsets, position, source } = plan;
  const { gpu } = indices;
  if (total) assertTotal(total, E);
  const kernel = planAloneWgsl({ lanes: blocking(gpu.target).lanes, E, counts: total !== undefined });
  const operands = { indices, load, offsets, position, source, ...(total ? { total } : {}) };
  gpu.dispatch(kernel, operands, { R: T * K, K, addsLoad: gpu.isRecomputing ? 0 : 1 }, [1]);
}

function assertTotal(total: Tensor, E: number): void {
  dims("planDispatch", { total: `${E}` }, { total });
  assertDtype("planDispatch", "u32", { total });
}

function blocking({ software, subgroupSize }: KernelTarget): { lanes: number; block: number } {
  return software ? { lanes: subgroupSize || 8, block: 64 } : { lanes: 256, block: 256 };
}

function assertExperts(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_EXPERTS) return;
  const expected = `an integer from 1 to ${MAX_EXPERTS}`;
  throw new OutOfRangeError({ op: "planDispatch", operand: "nRoutedExperts", expected, actual: `${count}` });
}
