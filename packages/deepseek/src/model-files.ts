/*
 * Checkpoints in Hugging Face's layout: config.json and model.safetensors, in memory. File access is in `@ds3/deepseek/node`.
 */
import { FormatError } from "@ds3/errors";
import type { Tensor } from "@ds3/tensor";
import { parseSafetensors, serializeSafetensors } from "@ds3/tensor/safetensors";
import { checkStrict } from "./check-strict.ts";
import { checkpointTensors, type ModelParts, SCORE } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";
import { configToText } from "./config-to-json.ts";
import type { DeepseekModel } from "./model.ts";
import { parameterMap, type TensorPlace } from "./parameter-map.ts";
import { type SaveOptions, storageFormat } from "./storage-format.ts";
import { type CheckpointTensors, storedValues, withScales } from "./stored-values.ts";

export type { SaveOptions } from "./storage-format.ts";
export type { CheckpointTensors } from "./stored-values.ts";

/**
 * Writes a checkpoint's tensors into a model. F32, BF16, F16 and FP8 in blocks of 128 x 128 (F8_E4M3 with the scales
 * `<name>_scale_inv`, dequantised exactly to f32) are read; every tensor must be there, none too many. One may be missing: without `score.weight` a score head keeps its values, so that a reward model starts from a language
 * model.
 *
 * Nothing is written before all tensors are checked.
 * @throws CheckpointError naming missing, extra and misshaped tensors; FormatError for another dtype, NaN codes or scales, or a
 * multi-token prediction layer's copy of embedding or head that differs from the shared one.
 */
export function loadCheckpointTensors(model: DeepseekModel, tensors: CheckpointTensors): void {
  writeParameters(model, readParameters(model.config, tensors, model));
}

/** Values of a model's parameters and state by name. */
export type ParameterValues = ReadonlyMap<string, Float32Array>;

/** A checkpoint's values as parameters of `config`, checked; errors as `loadCheckpointTensors`. Needs no device. */
export function readParameters(
  config: DeepseekConfig,
  tensors: CheckpointTensors,
  { scoreHead = false }: ModelParts = {},
): ParameterValues {
  const parts = { scoreHead: scoreHead && tensors.has(SCORE) };
  checkStrict(tensors, withScales(checkpointTensors(config, parts), tensors));
  const places = parameterMap(config, parts);
  const originals = new Map(places.filter(({ isCopy }) => !isCopy).map(({ parameter, name }) => [parameter, name]));
  const values = allocateParameters(places);
  for (const place of places) {
    const stored = storedValues(place.name, tensors);
    if (place.isCopy) {
      assertCopy(place.name, stored, storedValues(originals.get(place.parameter)!, tensors));
    } else {
      values.get(place.parameter)!.set(stored, place.offset);
    }
  }
  return values;
}

function allocateParameters(places: readonly TensorPlace[]): Map<string, Float32Array> {
  const sizes = new Map<string, number>();
  for (const { parameter, shape, offset } of places) {
    const end = offset + shape.reduce((a, b) => a * b, 1);
    sizes.set(parameter, Math.max(end, sizes.get(parameter) ?? 0));
  }
  return new Map([...sizes].map(([parameter, size]) => [parameter, new Float32Array(size)]));
}

/** Uploads what `readParameters` gave for the model's config. */
export function writeParameters({ gpu, state, arena }: DeepseekModel, values: ParameterValues): void {
  for (const [parameter, data] of values) gpu.write(state.get(parameter) ?? arena.get(parameter), data);
}

/**
 * The model as files: config.json, generation_config.json and model.safetensors, in F32 exactly what it holds unless
 * `options` say FP8.
 *
 * @throws ConfigError for unknown options; StateError naming a tensor with a value that the FP8 format cannot hold.
 */
export async function saveModelFiles(
  model: DeepseekModel,
  options: SaveOptions = {},
): Promise<Record<string, Uint8Array>> {
  const { dtype, quantization, entriesOf } = storageFormat(options);
  const hosts = new Map<string, Float32Array>();
  const places = parameterMap(model.config, model);
  for (const place of places) {
    if (!hosts.has(place.parameter)) hosts.set(place.parameter, await tensorOf(model, place).data());
  }
  const entries = places.flatMap((place) => {
    const { parameter, offset, shape } = place;
    return entriesOf(place, hosts.get(parameter)!.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)));
  });
  const { bosTokenId, eosTokenId } = model.config;
  const generation = { _from_model_config: true, bos_token_id: bosTokenId, eos_token_id: eosTokenId };
  return {
    "config.json": new TextEncoder().encode(configToText(model.config, dtype, quantization)),
    "generation_config.json": encode(generation),
    "model.safetensors": serializeSafetensors(entries, { format: "pt" }),
  };
}

/** Loads what `saveModelFiles` gave into a model of the same config. */
export function loadModelFiles(model: DeepseekModel, files: Readonly<Record<string, Uint8Array>>): void {
  const file = files["model.safetensors"];
  if (!file) {
    const hint = "Pass the files that saveModelFiles gave; of a folder on disk, use loadCheckpoint.";
    const actual = Object.keys(files).join(", ") || "no files";
    throw new FormatError({ op: "loadModelFiles", operand: "model.safetensors", expected: "the file", actual, hint });
  }
  loadCheckpointTensors(model, parseSafetensors(file));
}

function tensorOf({ state, arena }: DeepseekModel, { parameter }: TensorPlace): Tensor {
  return state.get(parameter) ?? arena.get(parameter);
}

function assertCopy(name: string, copy: Float32Array, original: Float32Array): void {
  const at = copy.findIndex((value, i) => value !== original[i]);
  if (at < 0) return;
  throw new FormatError({
    op: "loadCheckpoint",
    operand: `${name}[${at}]`,
    expected: `${original[at]}, as in the shared tensor`,
    actual: `${copy[at]}`,
    hint: "Multi-token prediction layers share embedding and head with the main model.",
  });
}

function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}
