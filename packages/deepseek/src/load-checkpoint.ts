import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import type { Gpu } from "@ds3/tensor";
import type { SafetensorsTensor } from "@ds3/tensor/safetensors";
import type { DeepseekConfig } from "./config.ts";
import { createDeepseek, type DeepseekModel } from "./model.ts";
import { type ParameterValues, readParameters, writeParameters } from "./model-files.ts";
import type { DeepseekOptions } from "./model-options.ts";
import { openSafetensors, type SafetensorsFile, unreadable } from "./open-safetensors.ts";
import { parseConfig } from "./parse-config.ts";

const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";

/** The config of a checkpoint folder. @throws FormatError when config.json is missing or no JSON; ConfigError. */
export async function readConfig(folder: string): Promise<DeepseekConfig> {
  return parseConfig(await readJson(join(folder, "config.json")));
}

/**
 * Loads a checkpoint in Hugging Face's layout: config.json with model.safetensors, or with an index and its shards, of any
 * size. Weights in F32, BF16, F16 or DeepSeek's FP8 blocks become f32 exactly. Tensors are read one by one: beside the model
 * on the device the host holds its weights once in f32, and one tensor as it is stored.
 *
 * @throws FormatError for missing, torn or truncated files; ConfigError; CheckpointError when tensors and config differ.
 */
export async function loadCheckpoint(gpu: Gpu, folder: string, options: DeepseekOptions = {}): Promise<DeepseekModel> {
  const config = await readConfig(folder);
  // Checked before the model is made: a refused checkpoint leaves nothing on the device.
  const values = await readValues(config, folder, options);
  const model = createDeepseek(gpu, config, options);
  writeParameters(model, values);
  return model;
}

async function readValues(config: DeepseekConfig, folder: string, options: DeepseekOptions): Promise<ParameterValues> {
  const index = await readIndex(folder);
  const files = new Map<string, SafetensorsFile>();
  try {
    for (const name of index ? Object.values(index) : [SINGLE]) {
      if (!files.has(name)) files.set(name, openSafetensors(join(folder, name)));
    }
    return readParameters(config, tensorsOf(folder, files, index), options);
  } finally {
    for (const file of files.values()) file.close();
  }
}

function tensorsOf(
  folder: string,
  files: ReadonlyMap<string, SafetensorsFile>,
  index: ShardIndex | undefined,
): Map<string, SafetensorsTensor> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [file, found] of files) {
    for (const [name, tensor] of found.tensors) {
      if (tensors.has(name)) throw broken(join(folder, file), "each tensor once", `${name} a second time`);
      tensors.set(name, tensor);
    }
  }
  for (const [name, file] of Object.entries(index ?? {})) {
    if (!tensors.has(name)) throw broken(join(folder, file), `${name}, as ${INDEX} says`, "a file without it");
  }
  return tensors;
}

/** The file of each tensor. */
type ShardIndex = Readonly<Record<string, string>>;

/** Undefined when the checkpoint is one file. */
async function readIndex(folder: string): Promise<ShardIndex | undefined> {
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
    throw unreadable(path, cause);
  }
}

function broken(operand: string, expected: string, actual: string): FormatError {
  const hint = "Fetch the checkpoint again.";
  return new FormatError({ op: "loadCheckpoint", operand, expected, actual, hint });
}
