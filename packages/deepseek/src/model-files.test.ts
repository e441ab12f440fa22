import { FormatError } from "@ds3/errors";
import {
  bf16ToF32,
  f16ToF32,
  f32ToBf16,
  f32ToF16,
  parseSafetensors,
  serializeSafetensors,
} from "@ds3/tensor/safetensors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { createDeepseek } from "./model.ts";
import { loadModelFiles, saveModelFiles } from "./model-files.ts";

const device = useTestGpu();
const NAME = "model.safetensors";
const halves = {
  F16: { narrow: f32ToF16, widen: f16ToF32 },
  BF16: { narrow: f32ToBf16, widen: bf16ToF32 },
};

test.each(["F16", "BF16"] as const)("a checkpoint in %s is read exactly", async (dtype) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const { narrow, widen } = halves[dtype];
  const files = await saveModelFiles(createDeepseek(gpu, smallConfig, { seed: 1 }));
  const stored = [...parseSafetensors(files[NAME]!)].map(([name, { shape, data }]) => {
    return { name, dtype, shape, data: narrow(data as Float32Array) };
  });
  const model = createDeepseek(gpu, smallConfig, { seed: 2 });
  loadModelFiles(model, { ...files, [NAME]: serializeSafetensors(stored) });
  const loaded = parseSafetensors((await saveModelFiles(model))[NAME]!);
  for (const { name, data } of stored) expect(loaded.get(name)!.data, name).toEqual(widen(data));
});

test("other element types are refused by name", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, smallConfig, { seed: 1 });
  const files = await saveModelFiles(model);
  const stored = [...parseSafetensors(files[NAME]!)].map(([name, { shape, data }]) => {
    return { name, dtype: "F64" as const, shape, data: Float64Array.from(data as Float32Array) };
  });
  const load = (): void => loadModelFiles(model, { ...files, [NAME]: serializeSafetensors(stored) });
  expect(load).toThrow(FormatError);
  expect(load).toThrow(/expected F32, BF16 or F16, got F64\. Convert it to F32, BF16 or F16\./);
});

test("files without weights are refused with what is there", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, smallConfig);
  expect(() => loadModelFiles(model, { "config.json": new Uint8Array(2) })).toThrow(
    "loadModelFiles: model.safetensors: expected the file, got config.json. Pass the files that saveModelFiles gave; of a folder on disk, use loadCheckpoint.",
  );
  expect(() => loadModelFiles(model, {})).toThrow("got no files.");
});
