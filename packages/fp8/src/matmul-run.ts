import type { Fp8Format } from "@ds3/fp8-codec";
import type { KernelTarget, RowGroups, Tensor } from "@ds3/tensor";
import type { Fp8Layout } from "./matmul-operands.ts";
import { planFp8Matmul } from "./matmul-plan.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** How the operands of an FP8 product lie and are tiled. */
export interface Fp8MatmulOptions {
  /**
   * nt: a [M, K] in row tiles, b [N, K] in blocks: a linear layer's forward. nn: a [M, K] in row tiles, b [K, N] in
   * blocks: the gradient of its input. tn: a [K, M], b [K, N], both in column tiles: the gradient of its weight.
   */
  readonly layout: Fp8Layout;
}

/** Where an FP8 product goes. */
export interface Fp8MatmulIntoOptions extends Fp8MatmulOptions {
  /** Add to what is there, instead of overwriting it. */
  readonly accumulate: boolean;
  /** Round the finished values, with what they were added to, to bf16; they stay f32. */
  readonly round?: "bf16";
}

/** Sizes of a product; by experts M (nt, nn) or K (tn) is the capacity of the sorted rows. */
export interface Fp8Problem {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Operands of a product; with groups it is one product an expert. */
export interface Fp8Operands {
  readonly a: QuantizedMatrix;
  readonly b: QuantizedMatrix;
  readonly c: Tensor;
  readonly groups?: RowGroups;
}

/** Runs a product of checked operands by the kernels for `target`. */
export function runFp8Product(
  target: KernelTarget,
  problem: Fp8Problem,
  { a, b, c, groups }: Fp8Operands,
  { layout, accumulate, round }: Fp8MatmulIntoOptions,
): void {
  const grouped = groups === undefined ? "none" : layout === "tn" ? "k" : "rows";
  const plan = planFp8Matmul(target, {
    ...problem,
    ...{ layout, grouped, E: groups?.E ?? 1, tileCount: groups?.tiles.shape[0] ?? 0 },
    ...{ formatA: a.format as Fp8Format, formatB: b.format as Fp8Format },
    ...{ accumulate, round: round === "bf16" },
  });
  const { M, N, K } = problem;
  const table = groups && (layout === "tn" ? { offsets: groups.offsets } : { tiles: groups.tiles });
  const operands = { A: a.codes, B: b.codes, scaleA: a.scales, scaleB: b.scales, ...table, C: c };
  c.gpu.dispatch(plan.kernel, operands, plan.uniforms, plan.groups, { flops: 2 * M * N * K });
}
