import { flatGrid, type GradientSink, type Tensor, teamOf } from "@ds3/tensor";
import { scaleStoredWgsl } from "./grpo-loss.wgsl.ts";

/** Elements per workgroup. */
const SPAN = 1024;

/** Adds `gradLoss` [1] times the gradient that forward has stored to the gradient of `input`; both [R]. */
export function scaleStored(sink: GradientSink, input: Tensor, stored: Tensor, gradLoss: Tensor): void {
  const { gpu, size } = input;
  sink.into(input, (gradient, accumulate) => {
    const uniforms = { size, span: SPAN, accumulate: accumulate ? 1 : 0 };
    gpu.dispatch(scaleStoredWgsl(teamOf(gpu.target)), { stored, gradLoss, gradient }, uniforms, flatGrid(size, SPAN));
  });
}
