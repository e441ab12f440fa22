import { DtypeError, ShapeError, StateError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { add, mul, scale } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { checkpoint } from "./checkpoint.ts";
import { matmul } from "./matmul.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();
let before = 0;
beforeEach(() => {
  before = device.gpu.stats.liveBuffers;
});
afterEach(() => {
  expect(device.gpu.stats.liveBuffers, "live buffers after the test").toBe(before);
  expect(device.gpu.activeTape, "tape left open").toBeUndefined();
});

/** An op whose backward rule throws after it allocated and handed on a gradient. */
function failing(input: Tensor): Tensor {
  const { gpu } = input;
  const output = gpu.zeros(input.shape);
  record(gpu, {
    label: "failing",
    inputs: [input],
    outputs: [output],
    saved: [input],
    backward: (_, sink) => {
      sink.add(input, gpu.zeros(input.shape));
      throw new Error("in the rule");
    },
  });
  return output;
}

describe("life of a tape", () => {
  test("a throw in a backward rule releases everything, without `using`", () => {
    const { gpu } = device;
    const scope = gpu.scope();
    const tape = gpu.tape();
    const x = tape.watch(gpu.full([2, 2], 1));
    expect(() => tape.backward(mul(failing(mul(x, x)), x))).toThrow("in the rule");
    expect(() => tape.gradient(x)).toThrow(/expected a tape whose backward has run, got one that is closed/);
    scope.close();
  });

  test("a throw in a checkpoint's second run releases everything and ends the recomputation", () => {
    const { gpu } = device;
    const scope = gpu.scope();
    const tape = gpu.tape();
    const x = tape.watch(gpu.full([2, 2], 1));
    const y = checkpoint(gpu, [x], (input) => {
      const hidden = mul(input, input);
      if (gpu.isRecomputing) throw new Error("second run");
      return mul(hidden, input);
    });
    expect(() => tape.backward(mul(y, y))).toThrow("second run");
    expect(gpu.isRecomputing).toBe(false);
    scope.close();
  });

  test("backward runs once, on an open tape", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const tape = gpu.tape();
    const y = scale(tape.watch(gpu.full([1], 1)), 2);
    tape.backward(y);
    expect(() => tape.backward(y)).toThrow(StateError);
    expect(() => tape.backward(y)).toThrow(/got one that has run backward/);
    const closed = gpu.tape();
    closed.close();
    closed.close();
    expect(() => closed.backward(y)).toThrow(/got one that is closed/);
  });

  test("gradient before backward, of an unwatched tensor and of a parameter name the mistake", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [x, other] = [tape.watch(gpu.full([1], 1)), gpu.full([1], 1)];
    const parameter = gpu.full([1], 1);
    parameter.grad = gpu.zeros([1]);
    expect(() => tape.gradient(x)).toThrow(StateError);
    tape.backward(add(add(x, other), parameter));
    expect(() => tape.gradient(other)).toThrow(/tape.watch/);
    expect(() => tape.gradient(parameter)).toThrow(/parameter.grad/);
  });

  test("the default seed does not stay behind where no scope is open", () => {
    const { gpu } = device;
    const x = gpu.full([3], 1);
    const tape = gpu.tape();
    tape.watch(x);
    const y = scale(x, 2);
    tape.backward(y);
    for (const tensor of [tape.gradient(x)!, x, y]) gpu.free(tensor);
  });
});

describe("watched gradients", () => {
  test("belong to the scope in which backward was called", async () => {
    const { gpu } = device;
    using _outer = gpu.scope("outer");
    const tape = gpu.tape();
    const x = tape.watch(gpu.tensor([3]));
    const y = mul(x, x);
    let gradient: Tensor;
    {
      using inner = gpu.scope("inner");
      tape.backward(y);
      gradient = inner.keep(tape.gradient(x)!);
    }
    expect(await gradient.item()).toBe(6);
  });

  test("of an input used many times add up; an unused output counts nothing", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [x, unused] = [tape.watch(gpu.tensor([1, 2])), tape.watch(gpu.tensor([1, 2]))];
    mul(x, x);
    scale(unused, 2);
    let y = x;
    for (let i = 0; i < 5; i++) y = add(y, x);
    tape.backward(y);
    expect([...(await tape.gradient(x)!.data())]).toEqual([6, 6]);
    expect(tape.gradient(unused)).toBeUndefined();
  });

  test("pass views of views and a slice of a reshape", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]));
    const view = x.reshape([4, 2]).slice(1, 4).slice(1, 3).reshape([4]);
    tape.backward(mul(view, view));
    expect([...(await tape.gradient(x)!.data())]).toEqual([0, 0, 0, 0, 10, 12, 14, 16]);
  });

  test("of a slice of bf16 rows lie at their rows", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(cast(gpu.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]), "bf16"));
    tape.backward(scale(cast(x.slice(1, 2), "f32"), 2));
    expect([...(await tape.gradient(x)!.data())]).toEqual([0, 0, 0, 2, 2, 2, 0, 0, 0]);
  });

  test("of a checkpoint's input that it returns unchanged", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([3]));
    const y = checkpoint(gpu, [x], (input) => input);
    tape.backward(mul(y, x));
    expect(await tape.gradient(x)!.item()).toBe(6);
  });

  test("are refused for integers", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    expect(() => tape.watch(gpu.zeros([2], "i32"))).toThrow(DtypeError);
  });
});

describe("seeds and rules", () => {
  test("a seed of another shape or dtype is refused", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const run = (seed: Tensor): void => {
      using tape = gpu.tape();
      tape.backward(scale(tape.watch(gpu.zeros([2, 3])), 2), seed);
    };
    expect(() => run(gpu.zeros([3, 2]))).toThrow(ShapeError);
    expect(() => run(gpu.zeros([2, 3], "u32"))).toThrow(DtypeError);
  });

  test("noGrad inside a tape is not recorded", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([3]));
    const constant = gpu.noGrad(() => mul(x, x));
    tape.backward(mul(x, constant));
    expect(await tape.gradient(x)!.item()).toBe(9);
  });

  test("nested tapes record apart; backward of the outer one leaves the inner one alone", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using outer = gpu.tape();
    const x = outer.watch(gpu.tensor([1, 2, 3, 4], [2, 2]));
    const y = matmul(x, x).reshape([4]);
    using inner = gpu.tape();
    const z = scale(inner.watch(x), 5);
    outer.backward(y);
    inner.backward(z);
    expect([...(await outer.gradient(x)!.data())]).toEqual([7, 11, 9, 13]);
    expect([...(await inner.gradient(x)!.data())]).toEqual([5, 5, 5, 5]);
  });

  test("what a backward rule computes is not recorded by another open tape", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using outer = gpu.tape();
    const x = outer.watch(gpu.full([2], 1));
    const y = gpu.zeros([2]);
    using inner = gpu.tape();
    const weight = inner.watch(gpu.full([2], 1));
    outer.record({
      label: "rule with ops",
      inputs: [x],
      outputs: [y],
      saved: [],
      backward: (_, sink) => sink.add(x, mul(weight, gpu.full([2], 3))),
    });
    const live = gpu.stats.liveBuffers;
    outer.backward(y);
    // The gradient alone: a recorded product would hold its second operand.
    expect(gpu.stats.liveBuffers).toBe(live + 1);
  });

  test("a checkpoint without a tape frees what it computed inside", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.tensor([2]);
    const live = gpu.stats.liveBuffers;
    const y = checkpoint(gpu, [x], (input) => mul(mul(mul(input, input), input), input));
    expect(gpu.stats.liveBuffers).toBe(live + 1);
    expect(await y.item()).toBe(16);
  });

  test("a checkpoint takes integer inputs", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([2]));
    const ids = gpu.zeros([1], "i32");
    tape.backward(checkpoint(gpu, [x, ids], (input) => mul(input, input)));
    expect(await tape.gradient(x)!.item()).toBe(4);
  });
});

describe("who owns a gradient", () => {
  /** An op whose backward rule notes whether it owns its gradient, and hands it on. */
  const asking = (input: Tensor, answers: boolean[]): Tensor => {
    const output = input.gpu.zeros(input.shape);
    const backward: Parameters<typeof record>[1]["backward"] = ([gradient], sink) => {
      answers.push(sink.owns(gradient!));
      sink.add(input, gradient!);
    };
    record(input.gpu, { label: "asking", inputs: [input], outputs: [output], saved: [], backward });
    return output;
  };

  test("a rule owns what nobody else holds: not the caller's, not another input's, not a watched one's", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const run = (build: (x: Tensor, answers: boolean[], watch: (t: Tensor) => Tensor) => Tensor): boolean[] => {
      using tape = gpu.tape();
      const answers: boolean[] = [];
      const x = tape.watch(gpu.zeros([1]));
      tape.backward(
        build(x, answers, (t) => tape.watch(t)),
        gpu.full([1], 1),
      );
      return answers;
    };
    expect(run((x, answers) => scale(asking(x, answers), 2))).toEqual([true]);
    expect(run((x, answers) => asking(x, answers))).toEqual([false]);
    expect(run((x, answers) => scale(add(asking(x, answers), asking(x, answers)), 2))).toEqual([false, false]);
    expect(run((x, answers, watch) => scale(watch(asking(x, answers)), 2))).toEqual([false]);
  });
});
