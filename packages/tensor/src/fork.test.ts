import { StateError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { Arena } from "./arena.ts";
import { scale } from "./arithmetic.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { embedding } from "./embedding.ts";
import type { Gpu } from "./gpu.ts";
import { matmul } from "./matmul.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();
const ids = Int32Array.of(1, 0, 2);

interface Model {
  readonly arena: Arena;
  /** Mean loss on fixed ids; it opens scopes of the handle that the model was made with, as layers do. */
  loss(): Tensor;
}

function createModel(gpu: Gpu): Model {
  const arena = new Arena(gpu, [
    { name: "embedding", shape: [3, 4], decay: true },
    { name: "head", shape: [3, 4], decay: true },
  ]);
  for (const [i, parameter] of [...arena.parameters.values()].entries()) {
    const values = Array.from({ length: 12 }, (_, j) => Math.sin(i + j));
    gpu.write(parameter, values);
  }
  const loss = (): Tensor => {
    using scope = gpu.scope("forward");
    const logits = matmul(embedding(arena.get("embedding"), ids), arena.get("head"), { layout: "nt" });
    return scope.keep(crossEntropy(logits, ids));
  };
  return { arena, loss };
}

test("a model is evaluated on a fork in the middle of a training step", async () => {
  const { gpu } = device;
  using _model = gpu.scope("model");
  const { arena, loss } = createModel(gpu);
  const gradientsOf = async (between: () => Promise<void>): Promise<number[]> => {
    arena.zeroGradients();
    using _step = gpu.scope("step");
    using tape = gpu.tape();
    const value = loss();
    await between();
    tape.backward(value);
    return [...(await arena.segments[0]!.gradients.data())];
  };
  const alone = await gradientsOf(async () => {});
  const fork = gpu.fork();
  let evaluated = 0;
  const beside = await gradientsOf(async () => {
    const live = gpu.stats.liveBuffers;
    using scope = fork.scope("evaluate");
    const value = fork.run(() => {
      expect(gpu.activeTape).toBeUndefined();
      return loss();
    });
    expect(value.gpu).toBe(fork);
    evaluated = await value.item();
    scope.close();
    expect(gpu.stats.liveBuffers, "the fork's scope owned all that the evaluation allocated").toBe(live);
  });
  expect(beside).toEqual(alone);
  expect(evaluated).toBeCloseTo(await loss().item(), 6);
  await fork.close();
});

test("a cache filled on a fork belongs to the model's scope", async () => {
  const { gpu } = device;
  const live = gpu.stats.liveBuffers;
  {
    using _model = gpu.scope("model");
    const { arena } = createModel(gpu);
    const owner = gpu.currentScope;
    const fork = gpu.fork();
    const scope = fork.scope("evaluate");
    const cache = fork.run(() => owner.own(() => scale(arena.get("head"), 2)));
    scope.close();
    await fork.close();
    expect(cache.isFreed).toBe(false);
    expect((await cache.data())[1]).toBeCloseTo(2 * Math.sin(2), 6);
  }
  expect(gpu.stats.liveBuffers).toBe(live);
});

test("scopes inside own keep to the owner and free the rest", () => {
  const { gpu } = device;
  using owner = gpu.scope("owner");
  using _inner = gpu.scope("inner");
  const live = gpu.stats.liveBuffers;
  const kept = owner.own(() => {
    using scope = gpu.scope("inside own");
    gpu.zeros([2]);
    return scope.keep(gpu.zeros([2]));
  });
  expect(gpu.stats.liveBuffers).toBe(live + 1);
  _inner.close();
  expect(kept.isFreed).toBe(false);
});

test("run refuses async functions and restores the handle after a throw", () => {
  const { gpu } = device;
  const fork = gpu.fork();
  expect(() => fork.run(async () => {})).toThrow(StateError);
  expect(() =>
    fork.run(() => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  using scope = gpu.scope();
  expect(gpu.currentScope).toBe(scope);
});

test("a closed fork refuses work by name; the device goes on", async () => {
  const { gpu } = device;
  const fork = gpu.fork();
  await fork.close();
  await fork.close();
  expect(() => fork.zeros([1])).toThrow(StateError);
  using _scope = gpu.scope();
  expect(await gpu.full([1], 4).item()).toBe(4);
});
