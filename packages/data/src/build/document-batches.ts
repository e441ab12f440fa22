import type { Document } from "../document.ts";
import { EmptyDataError } from "../empty-data-error.ts";

/** A file without a document is nothing to stop for; a source is. */
export async function* emptyAllowed(batches: AsyncGenerator<readonly Document[]>): AsyncGenerator<readonly Document[]> {
  try {
    yield* batches;
  } catch (error) {
    if (!EmptyDataError.is(error)) throw error;
  }
}

/** All documents but the first `count`. */
export async function* skipDocuments(
  batches: AsyncGenerator<readonly Document[]>,
  count: number,
): AsyncGenerator<readonly Document[]> {
  let left = count;
  for await (const batch of batches) {
    const skipped = Math.min(left, batch.length);
    left -= skipped;
    if (skipped < batch.length) yield skipped === 0 ? batch : batch.slice(skipped);
  }
}
