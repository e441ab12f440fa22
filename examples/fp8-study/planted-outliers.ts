/**
 * Outliers in activations without another function: before a linear layer some channels of x are multiplied by s, and the
 * weight's columns that read them divided by it. With s a power of two nothing is rounded, so in f32 output and all gradients
 * stay the same bit for bit; in FP8 the outliers take the range of whatever shares a scale with them.
 *
 * The factors stand between norm and weight, not inside the parameters: AdamW moves every element by about the learning
 * rate whatever its size, so weights that are s times smaller would train another model in f32 too.
 */
import type { Fp8Linears } from "@ds3/fp8";
import { type Gpu, matmul, type Tensor } from "@ds3/tensor";

/** Channels that get outliers, all in the first tile of 128. */
const CHANNELS = [5, 77];

/** Layers that read the result of a norm. */
const BEHIND_NORMS = ["qkvA", "qB", "kvB", "gateUp"];

/** Which outliers. */
export interface OutlierOptions {
  /** Columns of every input behind a norm. */
  readonly width: number;
  /** s, a power of two. */
  readonly factor: number;
}

/** The same layers with outliers in channels 5 and 77 of their inputs behind norms. */
export function plantOutliers(gpu: Gpu, linears: Fp8Linears, { width, factor }: OutlierOptions): Fp8Linears {
  const [enlarge, shrink] = [factor, 1 / factor].map((value) => gpu.tensor(diagonalOf(width, value), [width, width]));
  const times = (x: Tensor, diagonal: Tensor): Tensor => matmul(x.reshape([-1, width]), diagonal).reshape(x.shape);
  return {
    ...linears,
    linear(x, weight, site) {
      if (site === undefined || !BEHIND_NORMS.includes(site)) return linears.linear(x, weight, site);
      return linears.linear(times(x, enlarge!), times(weight, shrink!), site);
    },
    groupedLinear: (x, weights, groups, site) =>
      linears.groupedLinear(times(x, enlarge!), times(weights, shrink!), groups, site),
  };
}

function diagonalOf(width: number, value: number): Float32Array {
  const entries = new Float32Array(width * width);
  for (let i = 0; i < width; i++) entries[i * width + i] = CHANNELS.includes(i) ? value : 1;
  return entries;
}
