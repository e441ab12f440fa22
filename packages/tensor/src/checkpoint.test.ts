import { useTestGpu } from "@ds3/testing";
import { expect, expectTypeOf, test } from "vitest";
import { add, mul, scale } from "./arithmetic.ts";
import { checkpoint } from "./checkpoint.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();

/** x^3 and 2 x, through memory that neither keeps. */
function cubeAndDouble(x: Tensor): readonly [Tensor, Tensor] {
  return [mul(mul(x, x), x), scale(x, 2)];
}

/** d/dx of sum(weights . outputs) at x = 3, by whatever computes the two outputs. */
async function gradientOf(run: (x: Tensor) => readonly [Tensor, Tensor], weights: readonly [number, number]) {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([3]));
  const [cube, double] = run(x);
  tape.backward(add(scale(cube, weights[0]), scale(double, weights[1])));
  return await tape.gradient(x)!.item();
}

test("several outputs give the gradients that they give without a checkpoint", async () => {
  const { gpu } = device;
  const run = (x: Tensor) => checkpoint(gpu, [x], (input) => cubeAndDouble(input));
  expect(await gradientOf(run, [1, 10])).toBe(3 * 9 + 20);
  expect(await gradientOf(cubeAndDouble, [1, 10])).toBe(3 * 9 + 20);
});

test("an output that the loss does not use has no gradient; fn still runs just twice", async () => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([3]));
    let runs = 0;
    const [, double] = checkpoint(gpu, [x], (input) => {
      runs += 1;
      return cubeAndDouble(input);
    });
    tape.backward(double);
    expect([await tape.gradient(x)!.item(), runs]).toEqual([2, 2]);
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("the same tensor twice, and an input among the outputs", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([3]));
  const outputs = checkpoint(gpu, [x], (input) => {
    const square = mul(input, input);
    return [square, input, square];
  });
  tape.backward(add(scale(outputs[0], 1), add(scale(outputs[1], 100), scale(outputs[2], 10))));
  expect(await tape.gradient(x)!.item()).toBe(6 + 100 + 60);
});

test("what lies between inputs and outputs is freed, in both runs as far as backward does not need it", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([2]));
  const during: number[] = [];
  /** An op whose rule counts what is alive. */
  const probe = (input: Tensor): Tensor => {
    const output = gpu.zeros([1]);
    const backward = (): void => void during.push(gpu.stats.liveBuffers);
    record(gpu, { label: "probe", inputs: [input], outputs: [output], saved: [], backward });
    return output;
  };
  const live = gpu.stats.liveBuffers;
  const [first, second] = checkpoint(gpu, [x], (input) => {
    let y = input;
    for (let i = 0; i < 10; i++) y = scale(y, 2);
    return [y, probe(y)];
  });
  expect(gpu.stats.liveBuffers - live).toBe(2);
  expect(await first.item()).toBe(2048);
  const seed = gpu.tensor([1]);
  const held = gpu.stats.liveBuffers;
  tape.backwardFrom([[second, seed]]);
  // Scaling saves nothing for backward: of the second run's ten products none is left.
  expect(during).toEqual([held]);
});

test("types: one tensor stays one, a tuple a tuple, a list a list", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.tensor([1]);
  expectTypeOf(checkpoint(gpu, [x], (input) => scale(input, 2))).toEqualTypeOf<Tensor>();
  expectTypeOf(checkpoint(gpu, [x], (input) => cubeAndDouble(input))).toEqualTypeOf<readonly [Tensor, Tensor]>();
  expectTypeOf(checkpoint(gpu, [x], (input) => [scale(input, 2), input])).toEqualTypeOf<readonly [Tensor, Tensor]>();
  const list = checkpoint(gpu, [x], (input): Tensor[] => [input]);
  expectTypeOf(list).toEqualTypeOf<Tensor[]>();
  expect(list).toHaveLength(1);
});
