import { Arena, crossEntropy, embedding, fillNormal, type Gpu, matmul, type Tensor } from "@ds3/tensor";
import { arenaFiles, type BatchSource, type TrainableModel } from "../src/index.ts";

/** Token pairs: each target follows its input. */
export interface Pairs {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}

export const VOCABULARY = 19;
const WIDTH = 8;

/** logits = embed[inputs] head^T: the smallest language model with two matrices, and a vector that nothing uses. */
export function createBigram(gpu: Gpu, seed = 1): TrainableModel<Pairs> & { logits(batch: Pairs): Tensor } {
  const matrix = { shape: [VOCABULARY, WIDTH], decay: true };
  const arena = new Arena(gpu, [
    { name: "embed", ...matrix },
    { name: "head", ...matrix },
    { name: "gain", shape: [WIDTH], decay: false },
  ]);
  let stream = 0;
  for (const parameter of arena.parameters.values()) fillNormal(parameter, 0.5, { seed, stream: stream++ });
  const logits = ({ inputs }: Pairs): Tensor =>
    matmul(embedding(arena.get("embed"), inputs), arena.get("head"), { layout: "nt" });
  return {
    gpu,
    arena,
    logits,
    loss: (batch) => {
      const main = crossEntropy(logits(batch), batch.targets);
      return { total: main, terms: { main } };
    },
    ...arenaFiles(arena),
  };
}

/** Batches of `size` pairs from a fixed cycle through the vocabulary, with a cursor. */
export function createPairs(size = 12): { position: number; next(): Pairs } & BatchSource<Pairs> {
  const source = {
    position: 0,
    tokensPerBatch: size,
    next(): Pairs {
      const id = (i: number): number => (i * i * 7 + 3 * i) % VOCABULARY;
      const from = source.position;
      source.position += size;
      return {
        inputs: Int32Array.from({ length: size }, (_, i) => id(from + i)),
        targets: Int32Array.from({ length: size }, (_, i) => id(from + i + 1)),
      };
    },
    cursor: () => ({ position: source.position }),
    seek(cursor: unknown) {
      source.position = (cursor as { position: number }).position;
    },
  };
  return source;
}
