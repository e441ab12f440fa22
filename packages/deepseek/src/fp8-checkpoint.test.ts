import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError, StateError } from "@ds3/errors";
import { parseSafetensors, serializeSafetensors } from "@ds3/tensor/safetensors";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import {
  blockyConfig,
  dequantizedByDefinition,
  expectSame,
  isReleasedInFp8,
  releasedTensors,
} from "../test/released-tensors.ts";
import { smallConfig } from "../test/small-model.ts";
import { checkpointTensors } from "./checkpoint-names.ts";
import { createDeepseek } from "./model.ts";
import { loadModelFiles, saveModelFiles } from "./model-files.ts";
import { loadCheckpoint, saveCheckpoint } from "./node.ts";

const device = useTestGpu();
const config = blockyConfig;
const WEIGHTS = "model.safetensors";

const parsed = (folder: string, file = WEIGHTS) => parseSafetensors(readFileSync(join(folder, file)));
/** Digests of files by name: comparing megabytes element by element takes seconds. */
const digestsOf = (files: Readonly<Record<string, Uint8Array>>) =>
  Object.entries(files).map(([name, bytes]) => [name, createHash("sha256").update(bytes).digest("hex")]);
const filesOf = (folder: string) =>
  digestsOf(Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))])));
const inputs = Int32Array.from({ length: 48 }, (_, i) => (i * i + 3) % 40);
const batch = { inputs, targets: inputs.map((id) => (id + 1) % 40), batch: 2, length: 24 };

describe("saved", () => {
  test("types and config.json as released, what is loaded is code times scale, saved again the same bytes", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [first, second] = [join(temporaryFolder(), "first"), join(temporaryFolder(), "second")];
    const model = createDeepseek(gpu, config, { seed: 3 });
    await saveCheckpoint(model, first, { format: "fp8" });
    expect(JSON.parse(readFileSync(join(first, "config.json"), "utf8"))).toMatchObject({
      torch_dtype: "bfloat16",
      quantization_config: {
        activation_scheme: "dynamic",
        fmt: "e4m3",
        quant_method: "fp8",
        weight_block_size: [128, 128],
      },
    });
    const stored = parsed(first);
    const wanted = checkpointTensors(config);
    for (const { name, shape } of wanted) {
      const expected = isReleasedInFp8(name) ? "F8_E4M3" : name.endsWith("correction_bias") ? "F32" : "BF16";
      expect(stored.get(name), name).toMatchObject({ dtype: expected, shape });
    }
    expect(stored.size).toBe(wanted.length + wanted.filter(({ name }) => isReleasedInFp8(name)).length);

    const loaded = await loadCheckpoint(gpu, first);
    const [exact, before] = await Promise.all([saveModelFiles(loaded), saveModelFiles(model)]);
    const [values, originals] = [parseSafetensors(exact[WEIGHTS]!), parseSafetensors(before[WEIGHTS]!)];
    for (const { name, shape } of wanted.filter((tensor) => isReleasedInFp8(tensor.name))) {
      const scales = stored.get(`${name}_scale_inv`)!.data as Float32Array;
      const want = dequantizedByDefinition(stored.get(name)!.data as Uint8Array, scales, shape[1]!);
      const [got, original] = [values.get(name)!.data as Float32Array, originals.get(name)!.data as Float32Array];
      expectSame(got, want, name);
      // Half the distance of two codes is 1/16 of the value; below the normal codes a 2^-10 of the scale.
      const bound = Math.max(...scales) * 2 ** -10;
      expect(
        got.every((x, i) => Math.abs(x - original[i]!) <= Math.abs(original[i]!) / 16 + bound),
        name,
      ).toBe(true);
    }
    const [loss, exactLoss] = await Promise.all(
      [loaded, model].map((one) => gpu.noGrad(() => one.loss(batch)).total.item()),
    );
    expect(Math.abs(loss! / exactLoss! - 1)).toBeLessThan(0.05);
    await saveCheckpoint(loaded, second, { format: "fp8" });
    expect(filesOf(second)).toEqual(filesOf(first));
  });

  test("scales that are powers of two are so in the file and the config", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const files = await saveModelFiles(createDeepseek(gpu, config, { seed: 4 }), {
      format: "fp8",
      scales: "powerOfTwo",
    });
    expect(JSON.parse(new TextDecoder().decode(files["config.json"])).quantization_config.scale_fmt).toBe("ue8m0");
    const scales = [...parseSafetensors(files[WEIGHTS]!)].filter(([name]) => name.endsWith("_scale_inv"));
    const exponents = scales.flatMap(([, { data }]) => [...(data as Float32Array)].map(Math.log2));
    expect(exponents.length).toBeGreaterThan(10);
    expect(exponents.every(Number.isInteger)).toBe(true);
    loadModelFiles(createDeepseek(gpu, config, { seed: 5 }), files);
  });

  const parameters = [
    ["layers.0.mlp.down", /layers\.0\.mlp\.down_proj\.weight, element 7: expected a number that BF16 has, got /],
    ["norm", /model\.norm\.weight, element 7/],
    ["embed", /model\.embed_tokens\.weight, element 7/],
  ] as const;
  test.each(
    parameters.flatMap(([name, message]) =>
      [Number.NaN, -Infinity, 3.4e38].map((value) => [name, value, message] as const),
    ),
  )("%s with %d is named, and the folder of before stays", async (name, value, message) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const path = join(temporaryFolder(), "model");
    mkdirSync(path);
    writeFileSync(join(path, "config.json"), "of before");
    const model = createDeepseek(gpu, smallConfig, { seed: 6 });
    const weight = model.arena.get(name);
    gpu.write(weight, new Float32Array(weight.size).fill(value, 7, 8));
    const saving = saveCheckpoint(model, path, { format: "fp8" });
    await expect(saving).rejects.toThrow(StateError);
    await expect(saving).rejects.toThrow(message);
    expect(readdirSync(path)).toEqual(["config.json"]);
    expect(readFileSync(join(path, "config.json"), "utf8")).toBe("of before");
  });

  test("the router's bias may not be NaN, and the largest numbers of BF16 may be saved", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, smallConfig, { seed: 6 });
    const largest = 2 ** 128 - 2 ** 119 - 2 ** 104;
    gpu.write(model.arena.get("norm"), new Float32Array(smallConfig.hiddenSize).fill(largest));
    const files = await saveModelFiles(model, { format: "fp8" });
    const norm = parseSafetensors(files[WEIGHTS]!).get("model.norm.weight")!.data as Uint16Array;
    expect(new Set(norm)).toEqual(new Set([0x7f7f]));
    const bias = model.state.get("layers.1.moe.bias")!;
    gpu.write(bias, new Float32Array(bias.size).fill(Number.NaN));
    await expect(saveModelFiles(model, { format: "fp8" })).rejects.toThrow(/e_score_correction_bias, element 0/);
  });

  test.each<[object, RegExp]>([
    [{ format: "fp4" }, /format: expected "f32" or "fp8", got "fp4"/],
    [{ format: "fp8", scales: "ue8m0" }, /scales: expected "f32" or "powerOfTwo", got "ue8m0"/],
    [{ fromat: "fp8" }, /expected "format" or "scales", got "fromat"\. Did you mean "format"/],
  ])("options that nobody knows: %o", async (options, message) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const saving = saveModelFiles(createDeepseek(gpu, config), options);
    await expect(saving).rejects.toThrow(ConfigError);
    await expect(saving).rejects.toThrow(message);
  });
});

describe("loaded from a folder", () => {
  /** A released checkpoint in two shards, every weight's scales in the other one. */
  async function shards(): Promise<string> {
    const { gpu } = device;
    const path = join(temporaryFolder(), "shards");
    await saveCheckpoint(createDeepseek(gpu, config), path, { format: "fp8" });
    rmSync(join(path, WEIGHTS));
    const entries = [...releasedTensors(config).tensors].map(([name, tensor]) => ({ name, ...tensor }));
    const fileOf = (name: string): string => `model-0000${name.endsWith("_scale_inv") ? 2 : 1}-of-00002.safetensors`;
    for (const file of new Set(entries.map(({ name }) => fileOf(name)))) {
      writeFileSync(join(path, file), serializeSafetensors(entries.filter(({ name }) => fileOf(name) === file)));
    }
    const map = Object.fromEntries(entries.map(({ name }) => [name, fileOf(name)]));
    writeFileSync(join(path, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    return path;
  }

  test("an index with shards, scales in another shard than their weights", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const path = await shards();
    const loaded = parseSafetensors((await saveModelFiles(await loadCheckpoint(gpu, path)))[WEIGHTS]!);
    for (const [name, values] of releasedTensors(config).values) {
      expectSame(loaded.get(name)!.data as Float32Array, values, name);
    }
  });

  test("torn shards, a lost one and another quantisation are named; nothing is left on the device", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const path = await shards();
    const held = gpu.stats.liveBuffers;
    const second = join(path, "model-00002-of-00002.safetensors");
    const whole = readFileSync(second);
    truncateSync(second, statSync(second).size - 1);
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(FormatError);
    writeFileSync(second, serializeSafetensors([]));
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(/expected .*_scale_inv, as .*index/);
    rmSync(second);
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(/00002-of-00002.safetensors: expected a readable file/);
    writeFileSync(second, whole);
    const config = JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
    config.quantization_config.weight_block_size = [64, 64];
    writeFileSync(join(path, "config.json"), JSON.stringify(config));
    await expect(loadCheckpoint(gpu, path)).rejects.toThrow(/weight_block_size: expected \[128,128\], got \[64,64\]/);
    expect(gpu.stats.liveBuffers).toBe(held);
  });

  test("a refused file changes nothing in the model", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 8 });
    const before = digestsOf(await saveModelFiles(model));
    const entries = [...releasedTensors(config).tensors].map(([name, tensor]) => ({ name, ...tensor }));
    const last = entries.findLast(({ dtype }) => dtype === "F8_E4M3")!;
    last.data = new Uint8Array(last.data.length).fill(0x7f);
    expect(() => loadModelFiles(model, { [WEIGHTS]: serializeSafetensors(entries) })).toThrow(/0x7f, NaN/);
    expect(digestsOf(await saveModelFiles(model))).toEqual(before);
  });
});
