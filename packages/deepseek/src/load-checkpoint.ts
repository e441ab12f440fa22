import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import type { Gpu } from "@ds3/tensor";
import { parseSafetensors, type SafetensorsTensor } from "@ds3/tensor/safetensors";
import type { DeepseekConfig } from "./config.ts";
import { createDeepseek, type DeepseekModel } from "./model.ts";
import { readParameters, writeParameters } from "./model-files.ts";
import type { DeepseekOptions } from "./model-options.ts";
import { parseConfig } from "./parse-config.ts";

const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";

/** The config of a checkpoint folder. @throws FormatError when config.json is missing or no JSON; ConfigError. */
export async function readConfig(folder: string): Promise<DeepseekConfig> {
  return parseConfig(await readJson(join(folder, "config.json")));
}

/**
 * Loads a checkpoint in Hugging Face's layout: config.json with model.safetensors, or with an index and its shards.
 * Weights in F32, BF16, F16 or DeepSeek's FP8 blocks become f32 exactly.
 *
 * @throws FormatError for missing, torn or truncated files; ConfigError; CheckpointError when tensors and config differ.
 */
export async function loadCheckpoint(gpu: Gpu, folder: string, options: DeepseekOptions = {}): Promise<DeepseekModel> {
  const config = await readConfig(folder);
  // Checked before the model is made: a refused checkpoint leaves nothing on the device.
  const values = readParameters(config, await readTensors(folder), options);
  const model = createDeepseek(gpu, config, options);
  writeParameters(model, values);
  return model;
}

async function readTensors(folder: string): Promise<Map<string, SafetensorsTensor>> {
  const index = await readIndex(folder);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const file of index ? new Set(Object.values(index)) : [SINGLE]) {
    for (const [name, tensor] of parseSafetensors(await read(join(folder, file)))) {
      if (tensors.has(name)) throw broken(join(folder, file), "each tensor once", `${name} a second time`);
      tensors.set(name, tensor);
    }
  }
  for (const [name, file] of Object.entries(index ?? {})) {
    if (!tensors.has(name)) throw broken(join(folder, file), `${name}, as ${INDEX} says`, "a file without it");
  }
  return tensors;
}

/** The file of each tensor; undefined when the checkpoint is one file. */
async function readIndex(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  const path = join(folder, INDEX);
  if (!existsSync(path)) return undefined;
  const { weight_map: map } = (await readJson(path)) as { weight_map?: Record<string, string> };
  if (map && Object.values(map).every((file) => typeof file === "string" && !/[\\/]/.test(file))) return map;
  throw broken(path, "a weight_map from tensors to files of the folder", JSON.stringify(map)?.slice(0, 80) ?? "none");
}

async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await read(path));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw broken(path, "JSON", `${(cause as Error).message}`);
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw broken(path, "a readable file", (cause as Error).message);
  }
}

function broken(operand: string, expected: string, actual: string): FormatError {
  const hint = "Fetch the checkpoint again, or name its folder.";
  return new FormatError({ op: "loadCheckpoint", operand, expected, actual, hint });
}
