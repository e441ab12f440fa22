/** The thread of a loader: makes a batch for each request, in their order, and sends it without a copy. */
import { parentPort, workerData } from "node:worker_threads";
import type { Batch } from "../create-batches.ts";
import type { Delivery } from "./batch-reader.ts";
import { localSupply } from "./batch-supply.ts";
import type { LoaderCursor, LoaderSettings } from "./loader-options.ts";
import { type SentError, sendError } from "./sent-error.ts";

/** What the thread starts with. */
export interface WorkerStart {
  readonly settings: LoaderSettings;
  readonly cursor: LoaderCursor;
}

/** What it is asked: the next batch, or to go to a cursor, which has no answer. */
export type WorkerRequest = "next" | LoaderCursor;

/** What it answers to "next". */
export type WorkerAnswer = Delivery | { readonly error: SentError };

const { settings, cursor } = workerData as WorkerStart;
const supply = localSupply(settings, cursor);
const port = parentPort!;

port.on("message", (request: WorkerRequest) => {
  if (request !== "next") return supply.seek(request);
  supply.next().then(
    (delivery) => port.postMessage(delivery satisfies WorkerAnswer, delivery.batch ? buffersOf(delivery.batch) : []),
    (error) => port.postMessage({ error: sendError(error) } satisfies WorkerAnswer),
  );
});

function buffersOf(batch: Batch): ArrayBuffer[] {
  const arrays = [...batch.targetsByDepth, ...Object.values(batch).filter((value) => ArrayBuffer.isView(value))];
  return [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))];
}
