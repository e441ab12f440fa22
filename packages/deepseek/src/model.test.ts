import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FormatError, ShapeError, StateError } from "@ds3/errors";
import { crossEntropyBackwardRef, crossEntropyRef } from "@ds3/tensor/reference";
import { parseSafetensors, serializeSafetensors } from "@ds3/tensor/safetensors";
import { expectNear, useTestGpu } from "@ds3/testing";
import { afterAll, describe, expect, test } from "vitest";
import { smallConfig, weightsOf } from "../test/small-model.ts";
import { CheckpointError } from "./check-strict.ts";
import { type ModelRefGradients, modelRef } from "./model.ref.ts";
import { createDeepseek } from "./model.ts";
import { loadModelFiles, saveModelFiles } from "./model-files.ts";
import type { DeepseekOptions } from "./model-options.ts";
import { loadCheckpoint, saveCheckpoint } from "./node.ts";
import { parameterMap } from "./parameter-map.ts";
import type { TrainingBatch } from "./token-batch.ts";

const device = useTestGpu();
const folder = mkdtempSync(join(tmpdir(), "ds3-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = smallConfig;
const plain = { ...config, numNextnPredictLayers: 0 };
const [batch, length] = [2, 9];
const inputs = Int32Array.from({ length: batch * length }, (_, i) => (7 * i + 3) % 40);
const targets = Int32Array.from({ length: batch * length }, (_, i) => (i % 5 === 4 ? -100 : (11 * i + 1) % 40));

/** Of the targets: some 0, none like its neighbour. */
const weights = Float32Array.from(targets, (_, i) => (i % 7 === 3 ? 0 : 0.25 + ((3 * i) % 7) / 4));

describe("DeepseekModel", () => {
  test.each([{}, { weights }])("logits, loss and every gradient are those of the f64 model %o", async (more) => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _scope = gpu.scope();
      const model = createDeepseek(gpu, plain, { seed: 3, balanceLossWeight: 0 });
      const want = modelRef(plain, await weightsOf(model), inputs, { batch, length });
      const { normed } = model.forward({ inputs, batch, length });
      expectNear("logits", await model.head(normed).data(), want.logits, [batch, length, 40], 1e-5);
      using tape = gpu.tape();
      const { total } = model.loss({ inputs, targets, batch, length, ...more });
      const counting = { vocabSize: plain.vocabSize, ...more };
      const { loss } = crossEntropyRef(want.logits, targets, counting);
      expectNear("loss", await total.data(), [loss], [1], 1e-6);
      tape.backward(total);
      const gradients: ModelRefGradients = {};
      want.backward({ logits: crossEntropyBackwardRef(1, want.logits, targets, counting) }, gradients);
      for (const { name, shape, parameter, offset } of parameterMap(plain)) {
        if (name.endsWith("bias")) continue;
        const got = await model.arena.get(parameter).grad!.data();
        expectNear(name, got.subarray(offset, offset + gradients[name]!.length), gradients[name]!, shape, 5e-5);
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("the terms of the loss add up, and loads are counted once an optimiser step", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 4, balanceLossWeight: 0.01 });
    const { total, terms } = model.loss({ inputs, targets, batch, length });
    expect(Object.keys(terms)).toEqual(["main", "mtp", "balance"]);
    const values = await Promise.all(Object.values(terms).map((term) => term.item()));
    expectNear("total", [await total.item()], [values.reduce((a, b) => a + b)], [1], 1e-6);
    const loads = await model.expertLoads()!.data<"u32">();
    const perLayer = [0, 1].map((row) => loads.subarray(8 * row, 8 * row + 8).reduce((a, b) => a + b));
    // The prediction module sees one token less a sequence; every token goes to two experts.
    expect(perLayer).toEqual([2 * batch * length, 2 * batch * (length - 1)]);
    model.afterStep();
    expect((await model.expertLoads()!.data<"u32">()).every((load) => load === 0)).toBe(true);
    const bias = await model.state.get("layers.1.moe.bias")!.data();
    const mean = (2 * batch * length) / 8;
    expect([...bias]).toEqual([...loads.subarray(0, 8)].map((load) => Math.fround(0.001 * Math.sign(mean - load))));
    // The prediction module's experts are balanced too, beside those of the one main layer that has experts.
    const own = await model.forward({ inputs, batch, length }, true).layers[1]!.experts!.balanceLoss!.item();
    expect(values[2]! / own).toBeGreaterThan(1.5);
  });

  test("of two prediction depths each predicts one token further; hidden states and denominators have a choice", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const deep = { ...config, numNextnPredictLayers: 2 };
    const lossesOf = async (
      options: DeepseekOptions,
      config = deep,
    ): Promise<{ depths: number[]; mtp: number; ehProj: number[] }> => {
      using _run = gpu.scope();
      using tape = gpu.tape();
      const model = createDeepseek(gpu, config, { seed: 4, balanceLossWeight: 0, mtpLossWeight: 1, ...options });
      const { total, mtp } = model.loss({ inputs, targets, batch, length });
      tape.backward(total);
      const ehProj = [2, 3].map((layer) => model.arena.get(`layers.${layer}.mtp.ehProj`).grad!);
      return {
        depths: await Promise.all(mtp!.depths.map(({ loss }) => loss.item())),
        mtp: await mtp!.loss.item(),
        ehProj: await Promise.all(ehProj.map(async (grad) => Math.hypot(...(await grad.data())))),
      };
    };
    const plainLoss = await lossesOf({});
    expect(plainLoss.depths).toHaveLength(2);
    expectNear("mean of the depths", [plainLoss.mtp], [(plainLoss.depths[0]! + plainLoss.depths[1]!) / 2], [1], 1e-6);
    for (const norm of plainLoss.ehProj) expect(norm).toBeGreaterThan(1e-4);
    // Each depth sums the same losses; only what they are divided by differs.
    const counted = await lossesOf({ mtpLossDenominator: "T-k" });
    for (const [k, loss] of counted.depths.entries()) expect(loss).toBeGreaterThan(plainLoss.depths[k]! * 1.01);
    // Norming twice is norming once, but for eps: a large one tells the two hidden states apart.
    const coarse = { ...deep, rmsNormEps: 0.1 };
    const [raw, normed] = [await lossesOf({ mtpHidden: "raw" }, coarse), await lossesOf({}, coarse)];
    expect(Math.abs(raw.depths[0]! - normed.depths[0]!)).toBeGreaterThan(1e-3);
  });

  test.each(["T", "T-k"] as const)(
    "weights by %s, prediction modules too: 0 is as ignored, bit for bit, and 2 is the sequence twice",
    async (mtpLossDenominator) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const model = createDeepseek(gpu, config, { seed: 4, balanceLossWeight: 0, mtpLossDenominator });
      const run = async (rows: readonly number[], more: Partial<TrainingBatch>) => {
        using _run = gpu.scope();
        using tape = gpu.tape();
        const pick = (ids: Int32Array) => Int32Array.from(rows.flatMap((b) => [...ids.subarray(b * 9, b * 9 + 9)]));
        const ids = { inputs: pick(inputs), targets: pick(targets), batch: rows.length, length };
        const { total, terms } = model.loss({ ...ids, ...more });
        model.arena.zeroGradients();
        tape.backward(total);
        const gradients = [...model.arena.parameters].map(async ([name, { grad }]) => [name, await grad!.data()]);
        const losses = Object.entries(terms).map(async ([name, term]) => [name, [await term.item()]]);
        return Object.fromEntries(await Promise.all([...losses, ...gradients])) as Record<string, ArrayLike<number>>;
      };
      const ignored = targets.map((id, i) => (weights[i] === 0 ? -100 : id));
      const ones = weights.map((weight) => Math.min(1, Math.ceil(weight)));
      expect(await run([0, 1], { weights: ones })).toEqual(await run([0, 1], { targets: ignored }));

      const twice = await run([0, 0, 1], {});
      const got = await run([0, 1], { weights: Float32Array.from(targets, (_, i) => (i < 9 ? 2 : 1)) });
      for (const [name, values] of Object.entries(twice)) expectNear(name, got[name]!, values, [values.length], 1e-5);
      const plainly = await run([0, 1], {});
      expect(Math.abs(plainly.mtp![0]! - got.mtp![0]!)).toBeGreaterThan(1e-4);
    },
  );

  test("packed documents give what each gives alone", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, plain, { seed: 5 });
    const run = async (ids: Int32Array, more: object = {}): Promise<Float32Array> =>
      model.forward({ inputs: ids, batch: 1, length: ids.length, ...more }).normed.data();
    const documentIds = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1);
    const positions = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3, 4);
    const packed = await run(inputs.slice(0, 9), { documentIds, positions });
    const alone = [...(await run(inputs.slice(0, 4))), ...(await run(inputs.slice(4, 9)))];
    expectNear("normed", packed, alone, [9, 32], 1e-5);
  });

  test("prediction modules count no token of another document", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 5, mtpLossWeight: 1, mtpLossDenominator: "T-k" });
    const ids = inputs.slice(0, 9);
    const next = Int32Array.from(ids, (_, i) => (i === 3 || i === 8 ? -100 : ids[i + 1]!));
    const mtpOf = async (from: number, to: number, more: object = {}): Promise<number> => {
      const part = { inputs: ids.slice(from, to), targets: next.slice(from, to), batch: 1, length: to - from };
      return model.loss({ ...part, ...more }).mtp!.loss.item();
    };
    const documentIds = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1);
    const positions = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3, 4);
    // Documents of 4 and 5 tokens hold 2 and 3 tokens that lie two places behind another.
    const alone = (2 * (await mtpOf(0, 4)) + 3 * (await mtpOf(4, 9))) / 5;
    expectNear("mtp", [await mtpOf(0, 9, { documentIds, positions })], [alone], [1], 1e-5);
  });

  test("bad ids, rows and positions are named", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, plain);
    expect(() => model.forward({ inputs: Int32Array.of(1, 40), batch: 1, length: 2 })).toThrow(/ids\[1\].*40/);
    expect(() => model.forward({ inputs, batch, length: 8 })).toThrow(ShapeError);
    expect(() => model.loss({ inputs, targets, batch, length, weights: weights.subarray(1) })).toThrow(
      /weights: expected \[T=18\], got \[17\]/,
    );
    expect(() => model.forward({ inputs: new Int32Array(0), batch: 0, length: 4 })).toThrow(/batch: .*>= 1, got 0/);
    expect(() => model.forward({ inputs: new Int32Array(65), batch: 1, length: 65 })).toThrow(
      /maxPositionEmbeddings = 64/,
    );
  });
});

test.each<[object, object, RegExp]>([
  [{ nGroup: 3 }, {}, /n_group: expected a divisor/],
  [{ qkRopeHeadDim: 7 }, {}, /qk_rope_head_dim: expected an even number/],
  [{ numHeads: 2 }, {}, /numHeads: expected a field of the config, got 2/],
  [{}, { mtpHidden: "Raw" }, /mtpHidden: expected "normed" or "raw", got "Raw"\. Did you mean "raw"/],
  [{}, { mtpLossDenominator: "T-1" }, /mtpLossDenominator: expected "T" or "T-k"/],
  [{}, { checkpoint: "layer" }, /checkpoint: expected "none" or "block", got "layer"/],
  [{}, { balanceTopk: "all" }, /balanceTopk: expected "literal" or "selected"/],
  [{}, { mtpLossWeight: Number.NaN }, /mtpLossWeight: expected a finite number >= 0, got NaN/],
  [{}, { linear: "f32" }, /linear: expected a function/],
  [{}, { groupedGatedLinear: true }, /groupedGatedLinear: expected a function/],
  [{}, { precision: "fp16" }, /precision: expected "f32" or "f16" or "bf16" or "fp8", got "fp16"\. Did you mean "f16"/],
  [{}, { precision: "f16", linear: () => {} }, /precision: expected no linear beside it/],
  [{}, { scoreHead: 1 }, /scoreHead: expected true or false, got 1/],
  [{}, { seed: 1.5 }, /seed: expected an integer/],
  [{}, { mtpHiden: "raw" }, /mtpHiden: expected a known option.*Did you mean "mtpHidden"/],
])("a config or options that make no sense are refused, nothing allocated: %o %o", (change, options, message) => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  expect(() => createDeepseek(gpu, { ...plain, ...change }, options)).toThrow(message);
  expect(() => createDeepseek(gpu, { ...plain, ...change }, options)).toThrow(ConfigError);
  expect(gpu.stats.liveBuffers).toBe(before);
});

describe("checkpoints", () => {
  test("a saved folder loads to the same model bit for bit", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 7 });
    model.loss({ inputs, targets, batch, length });
    model.afterStep();
    const path = join(folder, "round-trip");
    await saveCheckpoint(model, path);
    await saveCheckpoint(model, path);
    // Whole floats stay floats in the text: transformers refuses an integer there.
    expect(readFileSync(join(path, "config.json"), "utf8")).toMatch(
      /"routed_scaling_factor": 1\.0,.*"rope_theta": 10000\.0/s,
    );
    expect(readdirSync(folder).filter((name) => name.startsWith("round-trip"))).toEqual(["round-trip"]);
    const loaded = await loadCheckpoint(gpu, path);
    expect(loaded.config).toEqual(config);
    expect(await saveModelFiles(loaded)).toEqual(await saveModelFiles(model));
  });

  test("a place that is no folder is named and left as it was", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const file = join(folder, "plain-file");
    writeFileSync(file, "mine");
    const saving = saveCheckpoint(createDeepseek(gpu, plain), join(file, "model"));
    await expect(saving).rejects.toThrow(StateError);
    await expect(saving).rejects.toThrow(/plain-file.model: expected a place where a folder can be written, got E/);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test("missing, extra and torn tensors are refused before anything is written", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [model, other] = [createDeepseek(gpu, plain, { seed: 8 }), createDeepseek(gpu, plain, { seed: 9 })];
    const before = await saveModelFiles(model);
    const tensors = parseSafetensors((await saveModelFiles(other))["model.safetensors"]!);
    const entries = [...tensors].map(([name, tensor]) => ({ name, ...tensor }));
    const renamed = entries.map((entry) =>
      entry.name === "model.norm.weight" ? { ...entry, name: "model.nrom.weight" } : entry,
    );
    expect(() => loadModelFiles(model, { "model.safetensors": serializeSafetensors(renamed) })).toThrow(
      CheckpointError,
    );
    expect(() => loadModelFiles(model, { "model.safetensors": serializeSafetensors(renamed) })).toThrow(
      /model\.nrom\.weight/,
    );
    expect(() => loadModelFiles(model, {})).toThrow(FormatError);
    expect(await saveModelFiles(model)).toEqual(before);
  });

  test("a truncated file and a prediction layer that shares nothing are named", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 10 });
    const path = join(folder, "broken");
    await saveCheckpoint(model, path);
    const held = gpu.stats.liveBuffers;
    const file = join(path, "model.safetensors");
    const bytes = readFileSync(file);
    truncateSync(file, bytes.length - 100);
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(FormatError);
    const entries = [...parseSafetensors(bytes)].map(([name, tensor]) => ({ name, ...tensor }));
    const copy = entries.find(({ name }) => name.endsWith("shared_head.head.weight"))!;
    copy.data = Float32Array.from(copy.data as Float32Array, (x) => x + 1);
    writeFileSync(file, serializeSafetensors(entries));
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(/shared_head\.head\.weight\[0\]/);
    writeFileSync(
      join(path, "model.safetensors.index.json"),
      JSON.stringify({ weight_map: { "model.extra.weight": "model.safetensors" } }),
    );
    copy.data = entries.find(({ name }) => name === "lm_head.weight")!.data;
    writeFileSync(file, serializeSafetensors(entries));
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(/expected model\.extra\.weight, as .*index/);
    await expect(loadCheckpoint(gpu, join(folder, "nowhere"))).rejects.toThrow(/config\.json/);
    expect(gpu.stats.liveBuffers).toBe(held);
  });
});
