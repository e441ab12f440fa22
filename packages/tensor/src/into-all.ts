import type { GradientSink } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * `sink.into` for a kernel that writes the gradients of several inputs at once, all of them different tensors. One that
 * nobody wants goes to a tensor that is dropped; when nobody wants any, `write` is not called.
 */
export function intoAll(
  sink: GradientSink,
  inputs: readonly Tensor[],
  write: (targets: readonly Tensor[], accumulate: readonly boolean[]) => void,
): void {
  if (!inputs.some((input) => sink.wants(input))) return;
  const next = (targets: readonly Tensor[], accumulate: readonly boolean[]): void => {
    const input = inputs[targets.length];
    const then = (target: Tensor, adds: boolean): void => next([...targets, target], [...accumulate, adds]);
    if (!input) write(targets, accumulate);
    else if (sink.wants(input)) sink.into(input, then);
    else then(input.gpu.empty(input.shape, "f32", "unwanted gradient"), false);
  };
  next([], []);
}
