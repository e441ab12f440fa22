import { BatchReader, type Delivery } from "./batch-reader.ts";
import type { LoaderCursor, LoaderSettings } from "./loader-options.ts";

/** Where a loader has its batches from: this thread or another. Calls are answered in their order. */
export interface BatchSupply {
  next(): Promise<Delivery>;
  /** What is asked for from now on starts there. */
  seek(cursor: LoaderCursor): void;
  /** Whether the process must live until an answer comes. */
  keepAlive(isWaiting: boolean): void;
  close(): Promise<void>;
}

/** Batches made in this thread. */
export function localSupply(settings: LoaderSettings, cursor: LoaderCursor): BatchSupply {
  const reader = new BatchReader(settings, cursor);
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    next: () => inOrder(() => reader.next()),
    seek: (place) => void inOrder(() => reader.seek(place)),
    keepAlive: () => {},
    close: async () => {},
  };
}
