import { OutOfRangeError, StateError } from "@ds3/errors";
import { linearBackwardRef, linearRef } from "@ds3/tensor/reference";
import { parseSafetensors, serializeSafetensors } from "@ds3/tensor/safetensors";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { smallConfig, weightsOf } from "../test/small-model.ts";
import { CheckpointError } from "./check-strict.ts";
import { type ModelRefGradients, modelRef } from "./model.ref.ts";
import { createDeepseek } from "./model.ts";
import { loadModelFiles, saveModelFiles } from "./model-files.ts";
import { parameterMap } from "./parameter-map.ts";

const device = useTestGpu();
const config = { ...smallConfig, numNextnPredictLayers: 0 };
const { vocabSize: V, hiddenSize: D } = config;
const [batch, length] = [2, 9];
const inputs = Int32Array.from({ length: batch * length }, (_, i) => (7 * i + 3) % V);
const tokens = { inputs, batch, length };
const rows = Int32Array.of(0, 3, 8, 11, 17);

/** Rows of x [T, width], one after the other. */
const pick = (x: Float64Array, width: number): number[] =>
  [...rows].flatMap((row) => [...x.subarray(row * width, (row + 1) * width)]);

/** The reverse: a gradient that is zero in all other rows. */
function spread(gradient: Float64Array, width: number): Float64Array {
  const all = new Float64Array(batch * length * width);
  for (const [r, row] of rows.entries()) all.set(gradient.subarray(r * width, (r + 1) * width), row * width);
  return all;
}

describe("logits of chosen rows", () => {
  test("are those of the f64 model, and so is every gradient", async () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _scope = gpu.scope();
      const model = createDeepseek(gpu, config, { seed: 3, balanceLossWeight: 0 });
      const want = modelRef(config, await weightsOf(model), inputs, { batch, length });
      const dy = normals(rows.length * V, 4).map(Math.fround);
      using tape = gpu.tape();
      const logits = model.logits(tokens, rows, true);
      expectNear("logits", await logits.data(), pick(want.logits, V), [rows.length, V], 1e-5);
      tape.backward(logits, gpu.tensor(dy, logits.shape));
      const gradients: ModelRefGradients = {};
      want.backward({ logits: spread(dy, V) }, gradients);
      for (const { name, shape, parameter, offset } of parameterMap(config)) {
        if (name.endsWith("bias")) continue;
        const got = await model.arena.get(parameter).grad!.data();
        expectNear(name, got.subarray(offset, offset + gradients[name]!.length), gradients[name]!, shape, 5e-5);
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("count experts' loads in training alone, and leave positions and documents to the batch", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 3 });
    const loads = async (): Promise<number> => (await model.expertLoads()!.data<"u32">()).reduce((a, b) => a + b);
    const plain = await model.logits(tokens, rows, false).data();
    expect(await loads()).toBe(0);
    model.logits(tokens, rows, true);
    expect(await loads()).toBe(2 * batch * length);
    expect(model.packs).toBe(true);
    const documentIds = inputs.map((_, i) => (i % length < 4 ? 0 : 1));
    const positions = inputs.map((_, i) => (i % length < 4 ? i % length : (i % length) - 4));
    const packed = await model.logits({ ...tokens, documentIds, positions }, rows, false).data();
    const alone = { inputs: inputs.slice(4, 9), batch: 1, length: 5 };
    const last = await model.logits(alone, Int32Array.of(4), false).data();
    expectNear("row 8", packed.subarray(2 * V, 3 * V), last, [V], 1e-5);
    expect(Math.abs(packed[2 * V]! - plain[2 * V]!)).toBeGreaterThan(1e-4);
  });

  test("no rows are no logits, and the gradient is zero", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 3 });
    using tape = gpu.tape();
    const logits = model.logits(tokens, new Int32Array(0), true);
    expect(logits.shape).toEqual([0, V]);
    tape.backward(logits, gpu.zeros([0, V]));
    expect((await model.arena.get("head").grad!.data()).every((value) => value === 0)).toBe(true);
  });

  test("a row outside the batch is named", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config);
    const outside = (): unknown => model.logits(tokens, Int32Array.of(2, 18), false);
    expect(outside).toThrow(OutOfRangeError);
    expect(outside).toThrow(/rows\[1\]: expected 0 <= row < batch x length = 18, got 18/);
  });
});

describe("a score head", () => {
  test("gives one number a row, with its gradients", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 3, scoreHead: true });
    const score = Float64Array.from(await model.arena.get("score").data());
    expect(score.some((weight) => weight !== 0)).toBe(true);
    const states = Float64Array.from(pick(Float64Array.from(await model.forward(tokens).normed.data()), D));
    const dy = normals(rows.length, 4).map(Math.fround);
    using tape = gpu.tape();
    const scores = model.scores(tokens, rows, true);
    expectNear("scores", await scores.data(), linearRef(states, score, D), [rows.length], 1e-5);
    tape.backward(scores, gpu.tensor(dy));
    const want = linearBackwardRef(dy, states, score, D);
    expectNear("score", await model.arena.get("score").grad!.data(), want.weight, [1, D], 2e-5);
    // Through the states everything below learns; the vocabulary's head has no part in it.
    expect((await model.arena.get("embed").grad!.data()).some((value) => value !== 0)).toBe(true);
    expect((await model.arena.get("head").grad!.data()).every((value) => value === 0)).toBe(true);
  });

  test("is not there unless asked for", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config);
    expect(model.arena.parameters.has("score")).toBe(false);
    expect(() => model.scores(tokens, rows, false)).toThrow(StateError);
    expect(() => model.scores(tokens, rows, false)).toThrow(/scoreHead: true/);
  });

  test("leaves the other fresh parameters as they are without it", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [without, within] = [
      createDeepseek(gpu, config, { seed: 4 }),
      createDeepseek(gpu, config, { seed: 4, scoreHead: true }),
    ];
    const { "score.weight": _, ...rest } = await weightsOf(within);
    expect(rest).toEqual(await weightsOf(without));
  });

  test("is saved as score.weight and loaded again; a checkpoint without it leaves the head as it is", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 5, scoreHead: true });
    const files = await saveModelFiles(model);
    expect(parseSafetensors(files["model.safetensors"]!).get("score.weight")!.shape).toEqual([1, D]);
    const other = createDeepseek(gpu, config, { seed: 6, scoreHead: true });
    loadModelFiles(other, files);
    expect(await weightsOf(other)).toEqual(await weightsOf(model));

    const language = createDeepseek(gpu, config, { seed: 7 });
    loadModelFiles(other, await saveModelFiles(language));
    const { "score.weight": score, ...rest } = await weightsOf(other);
    expect(rest).toEqual(await weightsOf(language));
    expect(score).toEqual((await weightsOf(model))["score.weight"]);
  });

  test("a checkpoint with one is refused where there is none, and one of another width too", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 5, scoreHead: true });
    const files = await saveModelFiles(model);
    expect(() => loadModelFiles(createDeepseek(gpu, config), files)).toThrow(CheckpointError);
    expect(() => loadModelFiles(createDeepseek(gpu, config), files)).toThrow(/It has a score head.*scoreHead: true/);
    const entries = [...parseSafetensors(files["model.safetensors"]!)].map(([name, tensor]) => ({ name, ...tensor }));
    const score = entries.find(({ name }) => name === "score.weight")!;
    Object.assign(score, { shape: [2, D], data: new Float32Array(2 * D) });
    const two = { "model.safetensors": serializeSafetensors(entries) };
    expect(() => loadModelFiles(model, two)).toThrow(/score.weight \[2,32\], expected \[1,32\]/);
  });
});
