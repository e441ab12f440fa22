import type { TapeNode, Tensor } from "@ds3/tensor";

/** Kinds by the ops whose backward reads a buffer; of several the first counts. */
const KINDS: readonly (readonly [label: RegExp, kind: string])[] = [
  [/^weight$/, "weights in the products' format"],
  [/crossentropy/i, "loss"],
  [/flashAttention/, "attention"],
  [/rmsnorm/i, "norms"],
  [/combine/, "results of experts"],
  [/swiglu/, "SwiGLU"],
  [/^fp8/, "products in FP8"],
  [/^half/, "products of halves"],
  [/matmul/i, "products in f32"],
  [/checkpoint/, "inputs of blocks"],
];

/** What a buffer is kept for, of the labels of its readers; "weight" stands for a product that reads a copy of its weight. */
export function keptKind(readers: ReadonlySet<string>): string {
  return KINDS.find(([label]) => [...readers].some((reader) => label.test(reader)))?.[1] ?? "routing and the rest";
}

/**
 * Copies of a weight among what a linear layer keeps: a tensor of halves with the weight's shape, behind that of the
 * input, or codes with the scales [batch, ., .] of blocks, which only weights have.
 */
export function weightCopies({ inputs, saved }: TapeNode): readonly Tensor[] {
  const weight = inputs.find(({ grad }) => grad !== undefined);
  if (!weight) return [];
  const scales = saved.findIndex(
    ({ dtype, shape }, i) => dtype === "f32" && shape.length === 3 && saved[i - 1]?.dtype === "u32",
  );
  if (scales > 0) return saved.slice(scales - 1, scales + 1);
  const halves = saved.findLast(({ dtype, shape }) => dtype.endsWith("f16") && `${shape}` === `${weight.shape}`);
  return halves ? [halves] : [];
}
