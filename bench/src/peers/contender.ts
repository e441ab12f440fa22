/** Whose code runs, and where it computes. */
export interface ContenderName {
  readonly peer: "ds3" | "jax-js" | "tfjs";
  readonly backend: "webgpu" | "wasm" | "wasm-threads";
}

/** A library opened on one backend, ready to be measured. */
export interface Contender {
  /** What computes: the WebGPU adapter's name, or the kind of WebAssembly. */
  readonly adapter: string;
  /** What a reader should know of how the library was set up. */
  readonly note: string;
  /** True where waiting for the GPU is the library's own plain `await`, which may gain from `Pace` "polite". */
  readonly choosesPace: boolean;
  /** A product of two `size` x `size` f32 matrices; in `nt` the second is stored transposed, in `tn` the first. */
  matmul(layout: MatmulLayout, size: number): Promise<Products>;
  /** The tiny GPT with the weights and the batch of `folder`, at its first step. */
  gpt(folder: string): Promise<Training>;
}

export type MatmulLayout = "nn" | "nt" | "tn";

/** One product that can be repeated. */
export interface Products {
  /** Computes the product `count` times; resolves when the device has finished the last. */
  run(count: number): Promise<void>;
  /** The last product's first row, to check that all contenders compute the same. */
  firstRow(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** A training run. */
export interface Training {
  readonly tokensPerStep: number;
  /** Trains `count` steps and reads the loss of each: the loss before that step's update. */
  losses(count: number): Promise<number[]>;
  /** Trains `count` steps; resolves when the last one's loss has been read back. */
  run(count: number): Promise<void>;
}

/** `jax-js.webgpu`: the end of a figure's name. */
export function labelOf({ peer, backend }: ContenderName): string {
  return `${peer}.${backend}`;
}
