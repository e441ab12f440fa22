import {
  appendLatents,
  cacheRows,
  createLatentCache,
  createRotation,
  type MlaConfig,
  type MlaParameters,
  mla,
  mlaDecode,
  mlaParameterSpecs,
  mlaParameters,
  ropeFrequencies,
  softmaxScale,
} from "@ds3/mla";
import { Arena, type Gpu, type Tensor } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { type Produced, Results, type TopicRunner } from "../topic.ts";
import { camelKeys, numberOf } from "./camel-keys.ts";

/** Rotary tables with the softmax scale, or one attention layer forward, backward and decoding with its cache. */
export const runMla: TopicRunner = async ({ meta, tensors }, open) => {
  const fixture = tensors();
  const config = { qLoraRank: null, ropeScaling: null, ...camelKeys(meta.config) } as unknown as MlaConfig;
  const gpu = await open();
  if (fixture.names.includes("positions")) return runTables(gpu, config, fixture);
  const where = {
    batch: numberOf(meta.config, "batch"),
    length: numberOf(meta.config, "length"),
    first: numberOf(meta.config, "first_position"),
  };
  return runLayer(gpu, config, fixture, where);
};

/** The tables are read back from the GPU as the layers get them. */
async function runTables(gpu: Gpu, config: MlaConfig, fixture: Fixture): Promise<Produced> {
  const results = new Results();
  const positions = fixture.i32("positions");
  const pairs = config.qkRopeHeadDim / 2;
  const cos = gpu.empty([positions.length, pairs], "f32", "cos");
  const sin = gpu.empty([positions.length, pairs], "f32", "sin");
  for (const [i, position] of positions.entries()) {
    const row = createRotation(gpu, config, 1, position);
    gpu.copy(row.cos, cos, i * row.cos.bytes);
    gpu.copy(row.sin, sin, i * row.sin.bytes);
  }
  results.add("cos", "createRotation", cos.data());
  results.add("sin", "createRotation", sin.data());
  results.add("inv_freq", "ropeFrequencies", ropeFrequencies(config));
  results.add("softmax_scale", "softmaxScale", [softmaxScale(config)]);
  return results.collect();
}

interface Where {
  readonly batch: number;
  readonly length: number;
  /** Position of each row's first token. */
  readonly first: number;
}

async function runLayer(gpu: Gpu, config: MlaConfig, fixture: Fixture, where: Where): Promise<Produced> {
  const { batch, length, first } = where;
  const results = new Results();
  const arena = new Arena(gpu, mlaParameterSpecs(config, ""));
  const parts = fusedParts(config, fixture.names);
  for (const [name, [parameter, offset]] of parts) writePart(gpu, arena, fixture, `weight.${name}`, parameter, offset);
  const parameters = mlaParameters(config, (name) => arena.get(name), "");

  const rows = Int32Array.from({ length: batch * length }, (_, i) => i % length);
  const positions = gpu.tensor(rows, [rows.length], "i32", "positions");
  const rotation = { ...createRotation(gpu, config, length, first), positions };
  const upload = (name: string): Tensor =>
    gpu.tensor(fixture.tensor(name).data as Float32Array, [batch * length, config.hiddenSize], "f32", name);

  const x = upload("x");
  {
    using tape = gpu.tape();
    tape.watch(x);
    const { y, latent, ropeKey } = mla(x, config, parameters, { batch, length, rotation });
    results.add("out", "mla", y.data());
    results.add("latent_cache", "mla", latent.data());
    results.add("rope_key_cache", "mla", ropeKey.data());
    tape.backward(y, upload("grad_out"));
    results.add("grad_x", "backward", tape.gradient(x)!.data());
  }
  for (const [name, [parameter, offset]] of parts) {
    const size = fixture.tensor(`weight.${name}`).data.length;
    const read = arena.get(parameter).grad!.data();
    results.add(
      `grad.${name}`,
      "backward",
      read.then((data) => data.subarray(offset, offset + size)),
    );
  }
  addDecoding(results, gpu, config, parameters, where, { x, last: length - 1 });
  return results.collect();
}

/** The last token of each row by the absorbed form, against a cache of the ones before it. */
function addDecoding(
  results: Results,
  gpu: Gpu,
  config: MlaConfig,
  parameters: MlaParameters,
  { batch, length, first }: Where,
  { x, last }: { readonly x: Tensor; readonly last: number },
): void {
  const D = config.hiddenSize;
  const rotationOf = (positions: number[]) => ({
    ...createRotation(gpu, config, length, first),
    positions: gpu.tensor(positions, [positions.length], "i32", "positions"),
  });
  const prompt = gpu.empty([batch * last, D], "f32", "prompt");
  const token = gpu.empty([batch, D], "f32", "last token");
  for (let b = 0; b < batch; b++) {
    if (last > 0) gpu.copy(x.slice(b * length, b * length + last), prompt, b * last * D * 4);
    gpu.copy(x.slice(b * length + last, (b + 1) * length), token, b * D * 4);
  }
  const cache = createLatentCache(gpu, config, batch, length);
  const sequences = Int32Array.from({ length: batch }, (_, b) => b);
  const holding = (tokens: number) => cacheRows(gpu, { sequences, filled: new Int32Array(batch).fill(tokens) });
  if (last > 0) {
    const rows = Array.from({ length: batch * last }, (_, i) => i % last);
    const tokens = { batch, length: last, rotation: rotationOf(rows) };
    appendLatents(cache, mla(prompt, config, parameters, tokens), holding(0));
  }
  const rotation = rotationOf(new Array<number>(batch).fill(last));
  const y = mlaDecode(token, config, parameters, rotation, cache, holding(last));
  const at = Array.from({ length: batch * D }, (_, i) => (Math.floor(i / D) * length + last) * D + (i % D));
  results.add("out", "mlaDecode", y.data(), at);
  const [C, R] = [config.kvLoraRank, config.qkRopeHeadDim];
  const columns = async (first: number, width: number): Promise<number[]> => {
    const entries = await cache.entries.data();
    const place = (i: number): number => Math.floor(i / width) * (C + R) + first + (i % width);
    return Array.from({ length: batch * length * width }, (_, i) => entries[place(i)]!);
  };
  results.add("latent_cache", "the cache after mlaDecode", columns(0, C));
  results.add("rope_key_cache", "the cache after mlaDecode", columns(C, R));
}

/** Checkpoint weights by name without prefix, and where they lie in the layer's fused parameters. */
function fusedParts(config: MlaConfig, names: readonly string[]): [string, [parameter: string, offset: number]][] {
  const queryRows = config.qLoraRank ?? config.numAttentionHeads * (config.qkNopeHeadDim + config.qkRopeHeadDim);
  const places: Record<string, [string, number]> = {
    "q_proj.weight": ["qkvA", 0],
    "q_a_proj.weight": ["qkvA", 0],
    "q_a_layernorm.weight": ["qNorm", 0],
    "q_b_proj.weight": ["qB", 0],
    "kv_a_proj_with_mqa.weight": ["qkvA", queryRows * config.hiddenSize],
    "kv_a_layernorm.weight": ["kvNorm", 0],
    "kv_b_proj.weight": ["kvB", 0],
    "o_proj.weight": ["o", 0],
  };
  const found = names.filter((name) => name.startsWith("weight.")).map((name) => name.slice("weight.".length));
  return found.map((name) => {
    const place = places[name];
    if (!place) throw new Error(`weight.${name}: not a weight of an attention layer`);
    return [name, place];
  });
}

/** Uploads a fixture's tensor into a run of elements of a parameter. */
function writePart(gpu: Gpu, arena: Arena, fixture: Fixture, name: string, parameter: string, offset: number): void {
  const data = fixture.tensor(name).data as Float32Array;
  const part = gpu.tensor(data, [data.length], "f32", name);
  gpu.copy(part, arena.get(parameter), offset * 4);
}
