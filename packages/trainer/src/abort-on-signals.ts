import { constants } from "node:os";

/** An AbortSignal that Ctrl-C aborts, until it is disposed of. */
export interface SignalAbort {
  readonly signal: AbortSignal;
  /** Takes the signal handlers away again. */
  [Symbol.dispose](): void;
}

/**
 * For `train({ signal })`: the first Ctrl-C (SIGINT) or SIGTERM aborts politely, so that the run saves, returns, and the
 * process can end with code 0. The second one exits at once with 128 + the signal's number: 130 for Ctrl-C.
 *
 * `onAbort` is told the name of the first signal, e.g. to print that a second one does not wait. Node only.
 */
export function abortOnSignals(
  options: { readonly onAbort?: (signal: "SIGINT" | "SIGTERM") => void } = {},
): SignalAbort {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    controller.abort(name);
    options.onAbort?.(name as "SIGINT" | "SIGTERM");
  };
  process.on("SIGINT", handle).on("SIGTERM", handle);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => void process.off("SIGINT", handle).off("SIGTERM", handle),
  };
}
