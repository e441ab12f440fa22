/** What differs between Dawn in Node and a browser. Chosen by the export condition `node`. */
export interface Backend {
  /** Next step for the user when there is no adapter. */
  readonly installHint: string;
  /** An adapter, or undefined. `software: "fetch"` may download a software driver (Node on Linux only). */
  requestAdapter(options: GPURequestAdapterOptions, software?: "fetch"): Promise<GPUAdapter | undefined>;
  /** Waits for a GPU promise without keeping a core busy. */
  wait<T>(promise: Promise<T>): Promise<T>;
}
