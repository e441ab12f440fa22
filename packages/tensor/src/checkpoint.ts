import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs `fn` without storing its activations; backward runs it a second time to get them back.
 *
 * Costs one more forward of `fn`, saves all memory between its inputs and its output. `fn` must depend on its tensor
 * inputs and parameters alone. In the second run `gpu.isRecomputing` is true, so that counters are not moved twice.
 */
export function checkpoint(gpu: Gpu, inputs: readonly Tensor[], fn: (...inputs: Tensor[]) => Tensor): Tensor {
  const tape = gpu.activeTape;
  if (!tape) return fn(...inputs);
  const scope = gpu.scope("checkpoint");
  let output: Tensor;
  try {
    output = scope.keep(gpu.noGrad(() => fn(...inputs)));
  } finally {
    scope.close();
  }
  tape.recordAlways({
    label: "checkpoint",
    inputs,
    outputs: [output],
    saved: inputs,
    backward: ([gradient], sink) =>
      gpu.recompute(() => {
        using inner = gpu.tape();
        // Fresh views: inside the second run these are leaves, whatever produced them outside.
        const leaves = inputs.map((input) => inner.watch(gpu.noGrad(() => input.reshape(input.shape))));
        inner.backward(fn(...leaves), gradient);
        for (const [i, input] of inputs.entries()) {
          const leafGradient = inner.gradient(leaves[i]!);
          if (leafGradient) sink.add(input, leafGradient);
        }
      }),
  });
  return output;
}
