import { Arena, embedding, fillNormal, type Gpu, matmul } from "@ds3/tensor";
import { arenaFiles, type Policy } from "@ds3/trainer";
import type { ScoreModel } from "../src/index.ts";

/** Ids of the tests' language: 0 ends a completion. */
export const VOCABULARY = 8;
const WIDTH = 12;

/** A tiny model with logits and with scores, and how many sequences its rows held. */
export interface TinyModel extends Policy, ScoreModel {
  passes: number;
}

/** logits = embed[token] head^T, score = embed[token] . score: no attention, so any layout of rows is right. */
export function createTinyModel(gpu: Gpu, { seed = 1, packs = true } = {}): TinyModel {
  const arena = new Arena(gpu, [
    { name: "embed", shape: [VOCABULARY, WIDTH], decay: true },
    { name: "head", shape: [VOCABULARY, WIDTH], decay: true },
    { name: "score", shape: [1, WIDTH], decay: true },
  ]);
  for (const [stream, values] of [...arena.parameters.values()].entries()) fillNormal(values, 0.4, { seed, stream });
  const product = (ids: Int32Array, weight: string) =>
    matmul(embedding(arena.get("embed"), ids), arena.get(weight), { layout: "nt" });
  const model: TinyModel = {
    gpu,
    arena,
    packs,
    passes: 0,
    logits({ inputs }, rows) {
      model.passes += 1;
      return product(
        rows.map((row) => inputs[row]!),
        "head",
      );
    },
    scores: ({ inputs }, rows) =>
      product(
        rows.map((row) => inputs[row]!),
        "score",
      ).reshape([-1]),
    ...arenaFiles(arena),
  };
  return model;
}
