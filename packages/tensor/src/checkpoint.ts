import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs `fn` without storing its activations; backward runs it a second time to get them back.
 *
 * Costs one more forward of `fn`, saves all memory between its inputs and its output. `fn` must be synchronous and
 * depend on its tensor inputs and parameters alone. In the second run `gpu.isRecomputing` is true, so that counters are
 * not moved twice.
 */
export function checkpoint(gpu: Gpu, inputs: readonly Tensor[], fn: (...inputs: Tensor[]) => Tensor): Tensor {
  const tape = gpu.activeTape;
  const output = firstRun(gpu, inputs, fn);
  tape?.recordAlways({
    label: "checkpoint",
    inputs,
    outputs: [output],
    saved: inputs,
    backward: ([gradient], sink) =>
      gpu.recompute(() => {
        using inner = gpu.tape();
        // Fresh views: inside the second run these are leaves, whatever produced them outside.
        const leaves = inputs.map((input) => gpu.noGrad(() => input.reshape(input.shape)));
        const wanted = [...inputs.entries()].filter(([, input]) => sink.wants(input));
        for (const [i] of wanted) inner.watch(leaves[i]!);
        inner.backward(fn(...leaves), gradient);
        for (const [i, input] of wanted) {
          const leafGradient = inner.gradient(leaves[i]!);
          if (leafGradient) sink.add(input, leafGradient);
        }
      }),
  });
  return output;
}

/** Keeps the result alone, as a view of its own: `fn` may return one of its inputs. */
function firstRun(gpu: Gpu, inputs: readonly Tensor[], fn: (...inputs: Tensor[]) => Tensor): Tensor {
  using scope = gpu.scope("checkpoint");
  return gpu.noGrad(() => {
    const output = scope.keep(fn(...inputs));
    return output.reshape(output.shape);
  });
}
