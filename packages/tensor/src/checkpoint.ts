import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs `fn` without storing its activations; backward runs it a second time to get them back. `fn` returns one tensor,
 * or several as an array, and so does `checkpoint`.
 *
 * Costs one more forward of `fn`, saves all memory between its inputs and its outputs. `fn` must be synchronous and
 * depend on its tensor inputs and parameters alone: only their memory is kept for the second run. In that run
 * `gpu.isRecomputing` is true, so that counters are not moved twice.
 */
export function checkpoint<const Outputs extends Tensor | readonly Tensor[]>(
  gpu: Gpu,
  inputs: readonly Tensor[],
  fn: (...inputs: Tensor[]) => Outputs,
): Outputs {
  const tape = gpu.activeTape;
  const { result, outputs } = firstRun(gpu, inputs, fn);
  tape?.recordAlways({
    label: "checkpoint",
    inputs,
    outputs,
    saved: inputs,
    backward: (gradients, sink) =>
      gpu.recompute(() => {
        using inner = gpu.tape();
        // Fresh views: inside the second run these are leaves, whatever produced them outside.
        const leaves = inputs.map((input) => gpu.noGrad(() => input.reshape(input.shape)));
        const wanted = [...inputs.entries()].filter(([, input]) => sink.wants(input));
        for (const [i] of wanted) inner.watch(leaves[i]!);
        const again = secondRun(gpu, leaves, fn);
        inner.backwardFrom([...again.entries()].flatMap(([i, output]) => pairOf(output, gradients[i])));
        for (const [i, input] of wanted) {
          const leafGradient = inner.gradient(leaves[i]!);
          if (leafGradient) sink.add(input, leafGradient);
        }
      }),
  });
  return result;
}

/** Keeps the results alone, as views of their own: `fn` may return one of its inputs, or a tensor twice. */
function firstRun<Outputs extends Tensor | readonly Tensor[]>(
  gpu: Gpu,
  inputs: readonly Tensor[],
  fn: (...inputs: Tensor[]) => Outputs,
): { readonly result: Outputs; readonly outputs: readonly Tensor[] } {
  using scope = gpu.scope("checkpoint");
  return gpu.noGrad(() => {
    const given = fn(...inputs);
    const outputs = listOf(given).map((output) => scope.keep(output).reshape(output.shape));
    return { result: (isList(given) ? outputs : outputs[0]) as Outputs, outputs };
  });
}

/** What backward does not need is freed at once; the tape holds the rest until its rules have run. */
function secondRun(
  gpu: Gpu,
  leaves: readonly Tensor[],
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
): readonly Tensor[] {
  using _scope = gpu.scope("recomputation");
  return listOf(fn(...leaves));
}

function pairOf(output: Tensor, gradient: Tensor | undefined): (readonly [Tensor, Tensor])[] {
  return gradient ? [[output, gradient]] : [];
}

function listOf(outputs: Tensor | readonly Tensor[]): readonly Tensor[] {
  return isList(outputs) ? outputs : [outputs];
}

function isList(outputs: Tensor | readonly Tensor[]): outputs is readonly Tensor[] {
  return Array.isArray(outputs);
}
