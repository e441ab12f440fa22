import { deepseekV3 } from "@ds3/deepseek";
import { flashAttention, type Gpu, type Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { backward, forward, kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

const LENGTHS = [256, 1024, 4096];
/** As many sequences as make this many tokens. */
const TOKENS = 4096;

const config = deepseekV3("mini");
const heads = {
  N: config.numAttentionHeads,
  headDimQk: config.qkNopeHeadDim + config.qkRopeHeadDim,
  headDimV: config.vHeadDim,
};

/** Floating-point operations of a token's causal attention, forward: scores and weighted values, masked pairs left out. */
function flopsPerToken(length: number): number {
  return heads.N * (length + 1) * (heads.headDimQk + heads.headDimV);
}

/**
 * Causal flash attention with the mini preset's heads. Backward counts the four products of the mathematics, twice
 * forward's; the scores that the kernel computes again are not counted.
 */
export const attentionCases: readonly BenchCase[] = LENGTHS.flatMap((length) => [
  kernelCase({
    name: `attention.forward.${length}`,
    unit: "GFLOP/s",
    flops: TOKENS * flopsPerToken(length),
    setUp: (gpu) => {
      const { op } = attentionOf(gpu, length);
      return forward(op);
    },
  }),
  kernelCase({
    name: `attention.backward.${length}`,
    unit: "GFLOP/s",
    flops: 2 * TOKENS * flopsPerToken(length),
    setUp: (gpu) => {
      const { inputs, op } = attentionOf(gpu, length);
      return backward(gpu, inputs, op, tokensBy(gpu, length, heads.headDimV));
    },
  }),
]);

function attentionOf(gpu: Gpu, length: number): { inputs: readonly Tensor[]; op: () => Tensor } {
  const [q, k] = [tokensBy(gpu, length, heads.headDimQk), tokensBy(gpu, length, heads.headDimQk)];
  const v = tokensBy(gpu, length, heads.headDimV);
  return { inputs: [q, k, v], op: () => flashAttention(q, k, v, { scale: heads.headDimQk ** -0.5 }) };
}

function tokensBy(gpu: Gpu, length: number, headDim: number): Tensor {
  const shape = [TOKENS / length, length, heads.N, headDim];
  return gpu.tensor(seededValues(TOKENS * heads.N * headDim), shape);
}
