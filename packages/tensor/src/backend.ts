/** Leave to download a software driver, and who is told of it. */
export interface SoftwareRequest {
  readonly fetch: true;
  readonly onMessage: ((line: string) => void) | undefined;
}

/** What differs between Dawn in Node and a browser. Chosen by the export condition `node`. */
export interface Backend {
  /** Next step for the user when there is no adapter. */
  readonly installHint: string;
  /** An adapter, or undefined. With `software` a software driver may be downloaded (Node on Linux only). */
  requestAdapter(options: GPURequestAdapterOptions, software?: SoftwareRequest): Promise<GPUAdapter | undefined>;
  /**
   * Bytes of this machine (or its container) that buffers may take from now on, where it is known: a software adapter
   * would promise more, and the system would end the process.
   */
  readonly memoryBytes: number | undefined;
  /** Waits for a GPU promise without keeping a core busy. */
  wait<T>(promise: Promise<T>): Promise<T>;
}
