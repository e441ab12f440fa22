import { ShapeError } from "@ds3/errors";
import { Tensor } from "./tensor.ts";

/** Several tensors of one buffer as one operand. */
export interface PackedTensors<Name extends string> {
  /** f32 [n]: the buffer from its first element on. A view: it lives as long as they do. */
  readonly tensor: Tensor;
  /** First vector of four of each, for kernels that bind `tensor` as `array<vec4f>`. */
  readonly offsets: Readonly<Partial<Record<Name, number>>>;
}

/** Bytes of four f32. */
const VECTOR_BYTES = 16;

/**
 * Names f32 tensors that lie in one buffer, such as parameters of one arena segment, as one operand, so that a kernel can
 * read more tensors than it may bind. Undefined when they do not, when one does not start and end with a whole vector of
 * four in the buffer, or when the buffer is more than one binding.
 * @throws ShapeError when there is no tensor.
 */
export function packTensors<Name extends string>(
  tensors: Readonly<Partial<Record<Name, Tensor>>>,
): PackedTensors<Name> | undefined {
  const entries = Object.entries<Tensor>(tensors as Readonly<Record<string, Tensor>>);
  const [first] = entries;
  if (!first) {
    throw new ShapeError({ op: "packTensors", operand: "tensors", expected: "at least one tensor", actual: "none" });
  }
  const { gpu, storage } = first[1];
  const fits = entries.every(([, tensor]) => tensor.storage === storage && isOfVectors(tensor));
  const bytes = Math.max(...entries.map(([, tensor]) => tensor.byteOffset + tensor.bytes));
  if (!fits || bytes > gpu.maxBindingBytes) return undefined;
  const tensor = new Tensor({ gpu, storage, shape: [bytes / 4], dtype: "f32", byteOffset: 0 });
  const offsets = Object.fromEntries(entries.map(([name, { byteOffset }]) => [name, byteOffset / VECTOR_BYTES]));
  return { tensor, offsets: offsets as Partial<Record<Name, number>> };
}

function isOfVectors({ dtype, byteOffset, bytes }: Tensor): boolean {
  return dtype === "f32" && byteOffset % VECTOR_BYTES === 0 && bytes % VECTOR_BYTES === 0;
}
