import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A tensor of the tiny GPT: f32, row-major. */
export interface Weight {
  readonly name: string;
  readonly shape: number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** AdamW as all contenders apply it, to every tensor, without clipping. */
export const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 } as const;

/** What the tensors' shapes do not tell. `epsilon` is that of the layer norms. */
export const GPT = { heads: 4, epsilon: 1e-5 } as const;

/** The initial weights in `folder`, in the order of its gpt_shapes.json. */
export function readWeights(folder: string): Weight[] {
  const shapes = JSON.parse(readFileSync(join(folder, "gpt_shapes.json"), "utf8")) as [string, number[]][];
  const bytes = new Uint8Array(readFileSync(join(folder, "gpt_init.bin")));
  let offset = 0;
  return shapes.map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(bytes.buffer, offset, size).slice();
    offset += values.byteLength;
    return { name, shape, values };
  });
}

/** The number of blocks: `0.qkv`, `1.qkv`, ... */
export function countLayers(weights: readonly Weight[]): number {
  return weights.filter(({ name }) => name.endsWith(".qkv")).length;
}
