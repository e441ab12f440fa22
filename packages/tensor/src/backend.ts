/** What differs between Dawn in Node and a browser. Chosen by the export condition `node`. */
export interface Backend {
  /** Next step for the user when there is no adapter. */
  readonly installHint: string;
  /** An adapter, or undefined. `software: "fetch"` may download a software driver (Node on Linux only). */
  requestAdapter(options: GPURequestAdapterOptions, software?: "fetch"): Promise<GPUAdapter | undefined>;
  /**
   * Bytes of this machine (or its container) that buffers may take from now on, where it is known: a software adapter
   * would promise more, and the system would end the process.
   */
  readonly memoryBytes: number | undefined;
  /** Waits for a GPU promise without keeping a core busy. */
  wait<T>(promise: Promise<T>): Promise<T>;
}
