import { addIntoWgsl } from "./accumulate.wgsl.ts";
import { flatGrid } from "./grid.ts";
import type { Tensor } from "./tensor.ts";

/** target += source, element by element, in place. Internal: gradients only; tensors are immutable to users. */
export function addInto(target: Tensor, source: Tensor): void {
  if (target.size === 0) return;
  const words = target.size;
  target.gpu.dispatch(addIntoWgsl(), { source, sum: target }, { words }, flatGrid(words, 256));
}

/** A fresh tensor with the same content. */
export function copyTensor(source: Tensor): Tensor {
  const copy = source.gpu.empty(source.shape, source.dtype, "copy");
  copyRange(source, copy, 0);
  return copy;
}

/** Copies all of `source` to `byteOffset` of `target`. */
export function copyRange(source: Tensor, target: Tensor, byteOffset: number): void {
  if (source.size === 0) return;
  source.gpu.copy(source, target, byteOffset);
}
