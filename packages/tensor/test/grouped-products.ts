import { cast } from "../src/cast.ts";
import type { Gpu } from "../src/gpu.ts";
import { matmulRef } from "../src/matmul.ref.ts";
import { groupTileCount, planGroupedMatmul, planGroupTable } from "../src/matmul-plan.ts";
import type { KernelTarget } from "../src/target.ts";
import type { Tensor } from "../src/tensor.ts";

/** Rows of E groups, sorted; y = x w^T, dx = dy w and dw = dy^T x of each. */
export interface Experts {
  readonly R: number;
  readonly E: number;
  readonly D: number;
  readonly F: number;
  /** Where each group begins, and where the last one ends: up to R. */
  readonly offsets: readonly number[];
  readonly x: Float64Array;
  readonly w: Float64Array;
  readonly dy: Float64Array;
}

/** Group after group in f64; nines where no group has a row. */
export function expertsReference({ R, E, D, F, offsets, x, w, dy }: Experts): Record<"y" | "dx" | "dw", Float64Array> {
  const want = {
    y: new Float64Array(R * F).fill(9),
    dx: new Float64Array(R * D).fill(9),
    dw: new Float64Array(E * F * D),
  };
  for (let e = 0; e < E; e++) {
    const [from, to] = [offsets[e]!, offsets[e + 1]!];
    const n = to - from;
    const [xRows, dyRows] = [x.subarray(from * D, to * D), dy.subarray(from * F, to * F)];
    const we = w.subarray(e * F * D, (e + 1) * F * D);
    want.y.set(matmulRef(xRows, we, { m: n, n: F, k: D, transposeA: false, transposeB: true }), from * F);
    want.dx.set(matmulRef(dyRows, we, { m: n, n: D, k: F, transposeA: false, transposeB: false }), from * D);
    want.dw.set(matmulRef(dyRows, xRows, { m: F, n: D, k: n, transposeA: true, transposeB: false }), e * F * D);
  }
  return want;
}

/** The same by the kernels for `target`; outputs start as nines, since rows of no group stay untouched. */
export function groupsOf(
  gpu: Gpu,
  target: KernelTarget,
  { R, E, D, F, offsets, x, w, dy }: Experts,
  dtype: "f32" | "f16" = "f32",
): { readonly rows: (layout: "nt" | "nn") => Tensor; readonly wgrad: (options?: { onto?: Tensor }) => Tensor } {
  const types = { dtypeA: dtype, dtypeB: dtype } as const;
  const [X, W] = [cast(gpu.tensor(x, [R, D]), dtype), cast(gpu.tensor(w, [E, F, D]), dtype)];
  const dY = cast(gpu.tensor(dy, [R, F]), dtype);
  const starts = gpu.tensor(offsets, [E + 1], "u32");
  const tiles = gpu.empty([groupTileCount(target, R, E), 4], "u32");
  const table = planGroupTable(target, { R, E });
  gpu.dispatch(table.kernel, { offsets: starts, tiles }, table.uniforms, table.groups);
  return {
    rows: (layout) => {
      const [A, N, K] = layout === "nt" ? [X, F, D] : [dY, D, F];
      const C = gpu.full([R, N], 9);
      const plan = planGroupedMatmul(target, { grouped: "rows", layout, R, E, N, K, ...types });
      gpu.dispatch(plan.kernel, { A, B: W, tiles, C }, plan.uniforms, plan.groups);
      return C;
    },
    wgrad: ({ onto } = {}) => {
      const C = onto ?? gpu.full([E, F, D], 9);
      const accumulate = onto !== undefined;
      const plan = planGroupedMatmul(target, { grouped: "k", layout: "tn", R, E, N: D, M: F, accumulate, ...types });
      gpu.dispatch(plan.kernel, { A: dY, B: X, offsets: starts, C }, plan.uniforms, plan.groups);
      return C;
    },
  };
}
