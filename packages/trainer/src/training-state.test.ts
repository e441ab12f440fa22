import { FormatError } from "@ds3/errors";
import { Arena } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { TrainingCheckpointError } from "./errors.ts";
import { createOptimizer } from "./optimizer.ts";
import { loadTrainingState, saveTrainingState } from "./training-state.ts";

const device = useTestGpu();
const state = { step: 3, tokens: 30, cursor: { epoch: 1 }, settings: null, adapter: "any" };

test("another model's state is refused by the parameter that differs; damaged bytes by the file's reader", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const create = (shape: number[], name = "weight") => {
    const arena = new Arena(gpu, [{ name, shape, decay: true }]);
    return { arena, optimizer: createOptimizer(arena) };
  };
  const { arena, optimizer } = create([4, 8]);
  optimizer.steps = 3;
  gpu.write(optimizer.moments[0]!.first, new Float32Array(64).fill(0.5));
  const files = await saveTrainingState(arena, optimizer, state);
  const load = (into: ReturnType<typeof create>, from = files) =>
    loadTrainingState(from, into.arena, into.optimizer, null);

  const fresh = create([4, 8]);
  const loaded = load(fresh);
  expect(loaded.state).toEqual(state);
  expect(fresh.optimizer.steps).toBe(0);
  loaded.apply();
  expect(fresh.optimizer.steps).toBe(3);
  expect([...(await fresh.optimizer.moments[0]!.first.data())]).toEqual(new Array(64).fill(0.5));

  // As many elements, laid out otherwise.
  expect(() => load(create([8, 4]))).toThrow(TrainingCheckpointError);
  expect(() => load(create([8, 4]))).toThrow(/parameters.weight.shape\[0\]: expected 8, got 4/);
  expect(() => load(create([4, 8], "head"))).toThrow(/parameters.head: expected .*, got nothing/);
  const torn = { ...files, "optimizer.safetensors": files["optimizer.safetensors"]!.slice(0, 300) };
  expect(() => load(create([4, 8]), torn)).toThrow(FormatError);
  expect(() => load(create([4, 8]), { "state.json": files["state.json"]! })).toThrow(
    /optimizer.safetensors and state.json/,
  );
});
