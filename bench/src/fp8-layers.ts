/** Sizes of a linear layer, y = x W^T with x [tokens, inputs] and W [outputs, inputs]. */
export interface LayerSize {
  readonly name: string;
  readonly tokens: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Experts that share the rows, alike; each has a weight. Absent: one weight for all rows. */
  readonly experts?: number;
}

/** A cube, and the layers of the model of `pnpm fp8-study`: down and gateUp of its dense network, gateUp of its experts. */
export const layerSizes: readonly LayerSize[] = [
  { name: "512", tokens: 512, inputs: 512, outputs: 512 },
  { name: "640x512x256", tokens: 640, inputs: 512, outputs: 256 },
  { name: "640x256x1024", tokens: 640, inputs: 256, outputs: 1024 },
  { name: "4x320x256x512", tokens: 1280, inputs: 256, outputs: 512, experts: 4 },
  { name: "8x256x256x256", tokens: 2048, inputs: 256, outputs: 256, experts: 8 },
];

/** Elements of the weights. */
export function weightElements({ inputs, outputs, experts = 1 }: LayerSize): number {
  return experts * inputs * outputs;
}

/** Shape of the weights. */
export function weightShape({ inputs, outputs, experts }: LayerSize): number[] {
  return experts === undefined ? [outputs, inputs] : [experts, outputs, inputs];
}
