/*
 * Checkpoints in Hugging Face's layout: config.json and model.safetensors, in memory. File access is in `@ds3/deepseek/node`.
 */
import { FormatError } from "@ds3/errors";
import type { Tensor } from "@ds3/tensor";
import {
  bf16ToF32,
  f16ToF32,
  parseSafetensors,
  type SafetensorsTensor,
  serializeSafetensors,
} from "@ds3/tensor/safetensors";
import { checkStrict } from "./check-strict.ts";
import { checkpointTensors, type ModelParts, SCORE } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";
import { configToText } from "./config-to-json.ts";
import type { DeepseekModel } from "./model.ts";
import { parameterMap, type TensorPlace } from "./parameter-map.ts";

/** Tensors of a checkpoint by name, from one or several safetensors files. */
export type CheckpointTensors = ReadonlyMap<string, SafetensorsTensor>;

/**
 * Writes a checkpoint's tensors into a model. F32, BF16 and F16 are read; every tensor must be there, none too many.
 * One may be missing: without `score.weight` a score head keeps its values, so that a reward model starts from a language
 * model.
 *
 * Nothing is written before all tensors are checked.
 * @throws CheckpointError naming missing, extra and misshaped tensors; FormatError for another dtype, or a multi-token
 * prediction layer's copy of embedding or head that differs from the shared one.
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
  checkStrict(tensors, checkpointTensors(config, parts));
  const places = parameterMap(config, parts);
  const originals = new Map(places.filter(({ isCopy }) => !isCopy).map(({ parameter, name }) => [parameter, name]));
  const values = allocateParameters(places);
  for (const place of places) {
    const stored = toF32(place.name, tensors.get(place.name)!);
    if (place.isCopy) {
      assertCopy(place.name, stored, toF32(place.name, tensors.get(originals.get(place.parameter)!)!));
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

/** The model as files: config.json, generation_config.json and model.safetensors in F32, exactly what it holds. */
export async function saveModelFiles(model: DeepseekModel): Promise<Record<string, Uint8Array>> {
  const hosts = new Map<string, Float32Array>();
  const places = parameterMap(model.config, model);
  for (const place of places) {
    if (!hosts.has(place.parameter)) hosts.set(place.parameter, await tensorOf(model, place).data());
  }
  const entries = places.map(({ name, shape, parameter, offset }) => ({
    name,
    dtype: "F32" as const,
    shape: [...shape],
    data: hosts.get(parameter)!.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)),
  }));
  const { bosTokenId, eosTokenId } = model.config;
  const generation = { _from_model_config: true, bos_token_id: bosTokenId, eos_token_id: eosTokenId };
  return {
    "config.json": new TextEncoder().encode(configToText(model.config)),
    "generation_config.json": encode(generation),
    "model.safetensors": serializeSafetensors(entries, { format: "pt" }),
  };
}

/** Loads what `saveModelFiles` gave into a model of the same config. */
export function loadModelFiles(model: DeepseekModel, files: Readonly<Record<string, Uint8Array>>): void {
  const file = files["model.safetensors"];
  if (!file) {
    throw new FormatError({ op: "loadModelFiles", operand: "model.safetensors", expected: "the file", actual: "none" });
  }
  loadCheckpointTensors(model, parseSafetensors(file));
}

function tensorOf({ state, arena }: DeepseekModel, { parameter }: TensorPlace): Tensor {
  return state.get(parameter) ?? arena.get(parameter);
}

function toF32(name: string, { dtype, data }: SafetensorsTensor): Float32Array {
  if (dtype === "F32") return data as Float32Array;
  if (dtype === "BF16") return bf16ToF32(data as Uint16Array);
  if (dtype === "F16") return f16ToF32(data as Uint16Array);
  const hint = dtype.startsWith("F8")
    ? "Block-quantised FP8 weights must be converted to bfloat16 first."
    : "Convert it to F32, BF16 or F16.";
  throw new FormatError({ op: "loadCheckpoint", operand: name, expected: "F32, BF16 or F16", actual: dtype, hint });
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
