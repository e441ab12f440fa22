import { Arena, embedding, fillNormal, type Gpu, matmul } from "@ds3/tensor";
import { arenaFiles, type Policy, type TokenRows } from "@ds3/trainer";
import type { ScoreModel } from "../src/index.ts";

/** Ids of the tests' language: 0 ends a completion. */
export const VOCABULARY = 8;
const WIDTH = 12;

/** A tiny model with logits and with scores, and how many passes asked for logits. It insists on rows that rise. */
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
  const product = ({ inputs }: TokenRows, rows: Int32Array, weight: string) => {
    if (rows.some((row, i) => i > 0 && row <= rows[i - 1]!)) throw new Error(`rows do not rise: ${rows}`);
    const ids = rows.map((row) => inputs[row]!);
    return matmul(embedding(arena.get("embed"), ids), arena.get(weight), { layout: "nt" });
  };
  const model: TinyModel = {
    gpu,
    arena,
    packs,
    passes: 0,
    logits(tokens, rows) {
      model.passes += 1;
      return product(tokens, rows, "head");
    },
    scores: (tokens, rows) => product(tokens, rows, "score").reshape([-1]),
    ...arenaFiles(arena),
  };
  return model;
}
