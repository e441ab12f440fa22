import { OutOfRangeError } from "@ds3/errors";
import { dims, flatGrid, type KernelTarget, type Tensor } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { countBlocksWgsl, placeSlotsWgsl, scanBlocksWgsl } from "./plan-dispatch.wgsl.ts";

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

/** Experts that fit the smallest workgroup memory, 16 KiB. */
const MAX_EXPERTS = 4095;

/**
 * Sorts the router's choices by expert, on the GPU, without reading them back.
 *
 * indices u32 [T, K] below `nRoutedExperts`, as `route` gives them. Within an expert rows are in token order, so the plan
 * is the same on every run. Has no gradient. Accepts any T >= 0. Cost: three dispatches.
 * @throws ShapeError, DtypeError for other indices; OutOfRangeError above 4095 experts.
 */
export function planDispatch(indices: Tensor, nRoutedExperts: number): DispatchPlan {
  const { T, K } = dims("planDispatch", { indices: "T K" }, { indices });
  assertDtype("planDispatch", "u32", { indices });
  assertExperts(nRoutedExperts);
  const [E, R, { gpu }] = [nRoutedExperts, T * K, indices];
  const load = gpu.empty([E], "u32", "moe load");
  const offsets = gpu.empty([E + 1], "u32", "moe offsets");
  const position = gpu.empty([T, K], "u32", "moe position");
  const source = gpu.empty([R], "u32", "moe source");
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
  return { T, K, E, load, offsets, position, source };
}

function blocking({ software, subgroupSize }: KernelTarget): { lanes: number; block: number } {
  return software ? { lanes: subgroupSize || 8, block: 64 } : { lanes: 256, block: 256 };
}

function assertExperts(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_EXPERTS) return;
  const expected = `an integer from 1 to ${MAX_EXPERTS}`;
  throw new OutOfRangeError({ op: "planDispatch", operand: "nRoutedExperts", expected, actual: `${count}` });
}
