import { resolveObjectURL } from "node:buffer";
import { Worker as NodeWorker } from "node:worker_threads";

/** What a browser's worker finds: `self`, `postMessage` and messages as events. */
const PRELUDE = `
  const { parentPort } = require("node:worker_threads");
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  parentPort.on("message", (data) => self.onmessage({ data }));
`;

/** As much of a browser's `Worker` as jax-js uses, on a thread of Node. The script is a `blob:` URL. */
class WebWorker {
  onmessage?: (event: { readonly data: unknown }) => void;
  onerror?: (event: { readonly message: string }) => void;
  readonly #thread: Promise<NodeWorker | undefined>;

  constructor(url: string) {
    this.#thread = this.#start(url).catch((error: Error) => {
      this.onerror?.({ message: error.message });
      return undefined;
    });
  }

  postMessage(message: unknown): void {
    void this.#thread.then((thread) => thread?.postMessage(message));
  }

  async #start(url: string): Promise<NodeWorker> {
    const script = await resolveObjectURL(url)?.text();
    if (script === undefined) throw new Error(`no script at ${url}`);
    const thread = new NodeWorker(PRELUDE + script, { eval: true });
    // The process may end while its workers wait for work.
    thread.unref();
    thread.on("message", (data) => this.onmessage?.({ data }));
    thread.on("error", (error: Error) => this.onerror?.({ message: error.message }));
    return thread;
  }
}

/** Gives this process the browser's `Worker`, which Node lacks. */
export function provideWebWorker(): void {
  Object.assign(globalThis, { Worker: WebWorker });
}
