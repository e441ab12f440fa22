import { constants } from "node:os";

/** An abort signal that Ctrl-C sets. */
export interface SignalAbort extends Disposable {
  readonly signal: AbortSignal;
}

/** The first SIGINT or SIGTERM aborts, so that work can stop where it can go on from; the second ends the process. */
export function abortOnSignals(onAbort: () => void): SignalAbort {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    controller.abort(name);
    onAbort();
  };
  process.on("SIGINT", handle).on("SIGTERM", handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", handle).off("SIGTERM", handle),
  };
}
