/*
 * The tiny GPT that peers are measured on: pre-LN, learned positions, untied head, gain-only layer norms, no biases,
 * matrices [in, out]. Its initial weights and tokens come from a folder beside the repository.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  Arena,
  crossEntropy,
  embedding,
  flashAttention,
  type Gpu,
  matmul,
  type SumAndNorm,
  splitColumns,
  type Tensor,
} from "@ds3/tensor";
import type { LossOutput, TrainableModel } from "@ds3/trainer";
import { gelu } from "./gelu.ts";
import { addLayerNorm } from "./layer-norm.ts";

const EPS = 1e-5;
const HEADS = 4;

/** Token rows for one step: inputs and targets [batch x length]. */
export interface GptBatch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly batch: number;
  readonly length: number;
}

/** The peers' folder: `DS3_PEERS`, by default ../shared/peers beside the repository; undefined when it is not there. */
export function peersFolder(): string | undefined {
  const chosen = process.env.DS3_PEERS;
  const folder = resolve(import.meta.dirname, "../..", chosen ?? "../shared/peers");
  if (existsSync(join(folder, "gpt_shapes.json"))) return folder;
  if (chosen === undefined) return undefined;
  throw new Error(`DS3_PEERS: ${folder} holds no gpt_shapes.json`);
}

/** Reads the fixed batch: [8, 129] ids, inputs the first 128 of each row, targets the last 128. */
export function readBatch(folder: string): GptBatch {
  const [batch, length] = [8, 128];
  const ids = words(join(folder, "gpt_tok.bin"), Int32Array);
  const rows = (shift: number): Int32Array =>
    Int32Array.from(
      { length: batch * length },
      (_, i) => ids[Math.floor(i / length) * (length + 1) + (i % length) + shift]!,
    );
  return { inputs: rows(0), targets: rows(1), batch, length };
}

/** The model with the peers' initial weights. Decay applies to all tensors, as in the peers' runs. */
export function createGpt(gpu: Gpu, folder: string): TrainableModel<GptBatch> {
  const shapes = JSON.parse(readFileSync(join(folder, "gpt_shapes.json"), "utf8")) as [string, number[]][];
  const weights = words(join(folder, "gpt_init.bin"), Float32Array);
  const arena = new Arena(
    gpu,
    shapes.map(([name, shape]) => ({ name, shape, decay: true })),
  );
  let offset = 0;
  for (const [name] of shapes) {
    const parameter = arena.get(name);
    gpu.write(parameter, weights.slice(offset, offset + parameter.size));
    offset += parameter.size;
  }
  const layers = shapes.filter(([name]) => name.endsWith(".qkv")).length;
  const refuse = async (): Promise<never> => {
    throw new Error("the benchmark's GPT is not saved");
  };
  return { gpu, arena, loss: (batch) => loss(arena, layers, batch), save: refuse, load: refuse };
}

/** Floating-point operations of a training token: forward, and backward twice forward's; masked attention left out. */
export function gptTrainingFlops({ arena }: TrainableModel<GptBatch>, length: number): number {
  const lookups = arena.get("wte").size + arena.get("wpe").size;
  const layers = [...arena.parameters.keys()].filter((name) => name.endsWith(".qkv")).length;
  const attention = layers * 2 * arena.get("wte").shape[1]! * (length + 1);
  return 3 * (2 * (arena.size - lookups) + attention);
}

function loss(arena: Arena, layers: number, { inputs, targets, batch, length }: GptBatch): LossOutput {
  const w = (name: string): Tensor => arena.get(name);
  const positions = Int32Array.from(inputs, (_, i) => i % length);
  const norm = (a: Tensor, b: Tensor, gain: string): SumAndNorm => addLayerNorm(a, b, w(gain), EPS);
  let x = norm(embedding(w("wte"), inputs), embedding(w("wpe"), positions), layers > 0 ? "0.ln1" : "lnf");
  for (let i = 0; i < layers; i++) {
    const attended = attend(matmul(x.normed, w(`${i}.qkv`)), batch, length);
    x = norm(x.sum, matmul(attended, w(`${i}.proj`)), `${i}.ln2`);
    const hidden = gelu(matmul(x.normed, w(`${i}.fc`)));
    x = norm(x.sum, matmul(hidden, w(`${i}.fc2`)), i + 1 < layers ? `${i + 1}.ln1` : "lnf");
  }
  const total = crossEntropy(matmul(x.normed, w("head")), targets);
  return { total, terms: {} };
}

function attend(qkv: Tensor, batch: number, length: number): Tensor {
  const D = qkv.shape[1]! / 3;
  const headDim = D / HEADS;
  const [q, k, v] = splitColumns(qkv, [D, D, D]).map((part) => part.reshape([batch, length, HEADS, headDim])) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return flashAttention(q, k, v, { scale: headDim ** -0.5 }).reshape([batch * length, D]);
}

function words<A extends Float32Array | Int32Array>(path: string, type: { new (buffer: ArrayBuffer): A }): A {
  const bytes = readFileSync(path);
  return new type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
}
