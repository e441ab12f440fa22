import { Tensor } from "./tensor.ts";

/** Several tensors of one buffer as one operand. */
export interface PackedTensors<Name extends string> {
  /** f32 [n]: the buffer from its first element on. A view: it lives as long as they do. */
  readonly tensor: Tensor;
  /** First element of each. */
  readonly offsets: Readonly<Partial<Record<Name, number>>>;
}

/**
 * Names f32 tensors that lie in one buffer, such as parameters of one arena segment, as one operand, so that a kernel can
 * read more tensors than it may bind. Undefined when they do not, or when the buffer is more than one binding.
 */
export function packTensors<Name extends string>(
  tensors: Readonly<Partial<Record<Name, Tensor>>>,
): PackedTensors<Name> | undefined {
  const entries = Object.entries<Tensor>(tensors as Readonly<Record<string, Tensor>>);
  const { gpu, storage } = entries[0]![1];
  const isOne = entries.every(([, tensor]) => tensor.storage === storage && tensor.dtype === "f32");
  const elements = Math.max(...entries.map(([, { byteOffset, bytes }]) => byteOffset + bytes)) / 4;
  if (!isOne || elements * 4 > gpu.maxBindingBytes) return undefined;
  const tensor = new Tensor({ gpu, storage, shape: [elements], dtype: "f32", byteOffset: 0 });
  const offsets = Object.fromEntries(entries.map(([name, { byteOffset }]) => [name, byteOffset / 4]));
  return { tensor, offsets: offsets as Partial<Record<Name, number>> };
}
