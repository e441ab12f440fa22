import { Worker } from "node:worker_threads";
import { StateError } from "@ds3/errors";
import type { Delivery } from "./batch-reader.ts";
import type { BatchSupply } from "./batch-supply.ts";
import type { LoaderCursor, LoaderSettings } from "./loader-options.ts";
import type { WorkerAnswer, WorkerRequest, WorkerStart } from "./loader-worker.ts";
import { receiveError } from "./sent-error.ts";

interface Waiting {
  resolve(delivery: Delivery): void;
  reject(error: Error): void;
}

/** Batches made in a thread of their own, which ends with the process or at `close`. */
export function workerSupply(settings: LoaderSettings, cursor: LoaderCursor): BatchSupply {
  const worker = startWorker({ settings, cursor });
  const waiting: Waiting[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on("message", (answer: WorkerAnswer) => {
    const { resolve, reject } = waiting.shift()!;
    if ("error" in answer) reject(receiveError(answer.error));
    else resolve(answer);
  });
  worker.on("error", (error) => fail(stopped(error.message, error)));
  worker.on("exit", (code) => fail(stopped(`a thread that ended with code ${code}`)));
  worker.unref();
  const post = (request: WorkerRequest): void => worker.postMessage(request);
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.push({ resolve, reject });
        post("next");
      }),
    seek: post,
    keepAlive: (isWaiting) => (isWaiting ? worker.ref() : worker.unref()),
    async close() {
      await worker.terminate();
    },
  };
}

/** From source tsx translates the thread's modules; the thread has no command line of its own to say so. */
function startWorker(workerData: WorkerStart): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const file = isSource ? "./source-worker.mjs" : "./loader-worker.js";
  const execArgv = isSource ? ["-C", "@ds3/source"] : [];
  return new Worker(new URL(file, import.meta.url), { workerData, execArgv });
}

function stopped(actual: string, cause?: Error): StateError {
  const hint = "Give prefetch: 0 to load without a thread, e.g. in a bundle, which lacks the thread's file.";
  return new StateError({
    op: "createLoader",
    operand: "worker thread",
    expected: "one that runs",
    actual,
    hint,
    cause,
  });
}
