import type { PackedTokens } from "./pack-tokens.ts";

/** A place without a target: the loss passes over it. */
export const IGNORED_TARGET = -100;

interface RowOptions extends Pick<PackedTokens, "tokens" | "documentStarts"> {
  readonly sequenceLength: number;
  readonly documentMask: boolean;
}

/**
 * Write the targets of one row: depth k of the input at stream position i is the token at i + k + 1.
 *
 * With a document mask the target must lie in the input's own document. Places beyond the stream stay as they are.
 */
export function fillTargets(
  { tokens, documentStarts, sequenceLength: T, documentMask }: RowOptions,
  from: number,
  out: number,
  targetsByDepth: readonly Int32Array[],
): void {
  let document = documentMask ? documentAt(documentStarts, from) : 0;
  for (let t = 0; t < T && from + t < tokens.length; t++) {
    while (documentMask && documentEnd(documentStarts, document, tokens.length) <= from + t) document++;
    const end = documentMask ? documentEnd(documentStarts, document, tokens.length) : tokens.length;
    targetsByDepth.forEach((targets, depth) => {
      const source = from + t + depth + 1;
      if (source < end) targets[out + t] = tokens[source]!;
    });
  }
}

/** Write position in its document and number of its document for one row; padding is a document of its own. */
export function fillSegments(
  { tokens, documentStarts, sequenceLength: T }: RowOptions,
  from: number,
  out: number,
  { positions, documentIds }: { readonly positions: Int32Array; readonly documentIds: Int32Array },
): void {
  let document = documentAt(documentStarts, from);
  let segment = 0;
  let position = 0;
  for (let t = 0; t < T; t++) {
    if (t > 0 && documentEnd(documentStarts, document, tokens.length) === from + t) {
      document++;
      segment++;
      position = 0;
    }
    positions[out + t] = position++;
    documentIds[out + t] = segment;
  }
}

/** Write the weight of each input's document for one row; places beyond the stream stay as they are. */
export function fillWeights(
  { tokens, documentStarts, sequenceLength: T }: RowOptions,
  weights: Float32Array,
  from: number,
  out: Float32Array,
): void {
  const end = Math.min(from + T, tokens.length);
  let document = documentAt(documentStarts, from);
  for (let at = from; at < end; ) {
    const next = Math.min(end, documentEnd(documentStarts, document, tokens.length));
    out.fill(weights[document++]!, at - from, next - from);
    at = next;
  }
}

/** The document that holds a position: the last that starts at or before it. */
function documentAt(documentStarts: Int32Array, position: number): number {
  let low = 0;
  let high = documentStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (documentStarts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}

function documentEnd(documentStarts: Int32Array, document: number, tokenCount: number): number {
  return documentStarts[document + 1] ?? tokenCount;
}
