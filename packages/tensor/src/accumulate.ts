import { addIntoWgsl } from "./accumulate.wgsl.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchFlat, lanesOf, vectorWidth } from "./row-kernel.ts";
import type { Tensor } from "./tensor.ts";

const addIntoKernel = cachedTemplate(addIntoWgsl);

/** target += source, element by element, in place. Internal: gradients only; tensors are immutable to users. */
export function addInto(target: Tensor, source: Tensor): void {
  const width = vectorWidth(target.size);
  const kernel = addIntoKernel({ lanes: lanesOf(target.gpu.target), vectors: width > 1 });
  dispatchFlat(target.gpu, kernel, { source, sum: target }, {}, target.size / width);
}

/** A fresh tensor with the same content. */
export function copyTensor(source: Tensor): Tensor {
  const copy = source.gpu.empty(source.shape, source.dtype, "copy");
  source.gpu.copy(source, copy, 0);
  return copy;
}
