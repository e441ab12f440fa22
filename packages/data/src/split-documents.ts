import { OutOfRangeError } from "@ds3/errors";
import { EmptyDataError } from "./empty-data-error.ts";
import { FNV_START, fnv1a } from "./fnv1a.ts";
import { mix32 } from "./random.ts";
import { isHighSurrogate } from "./surrogates.ts";

/** Options of `splitDocuments`. */
export interface SplitOptions {
  /** Share of the documents kept for validation, in (0, 1). */
  readonly validationFraction: number;
  /** Another seed, another choice. Default 0. */
  readonly seed?: number;
}

/** Documents to train on, and documents to measure on. */
export interface SplitResult<D> {
  readonly train: D[];
  readonly validation: D[];
}

/**
 * Split documents by a hash of their text and the seed.
 *
 * A document's side depends on nothing but itself: more data, or another order, moves no document across, and two
 * copies of one text never stand on both sides. Neither side is empty: if the hash leaves one so, the document nearest
 * to the border changes sides. A single document is cut in two, the end for validation, at a line break if one is near.
 * Accepts: documents with any further fields, which are kept.
 * @throws OutOfRangeError for a fraction outside (0, 1); EmptyDataError without documents, or for a single document
 * that cannot be cut.
 */
export function splitDocuments<D extends { readonly text: string }>(
  documents: Iterable<D>,
  { validationFraction, seed = 0 }: SplitOptions,
): SplitResult<D> {
  requireFraction(validationFraction);
  const hashed = Array.from(documents, (document) => ({ document, share: hashShare(document.text, seed) }));
  const [only, ...others] = hashed;
  if (only === undefined) throw nothing("none");
  if (others.length === 0) return cut(only.document, validationFraction);
  const shares = hashed.map(({ share }) => share);
  const [lowest, highest] = shares.reduce(([low, high], s) => [Math.min(low, s), Math.max(high, s)], [1, 0]);
  // The border moves just far enough for one document on each side; equal texts move together.
  const border = lowest === highest ? -1 : Math.min(Math.max(validationFraction, lowest + 2 ** -33), highest);
  if (border < 0) throw nothing(`${hashed.length} copies of one text`);
  const isValidation = ({ share }: { readonly share: number }): boolean => share < border;
  return {
    train: hashed.filter((entry) => !isValidation(entry)).map(({ document }) => document),
    validation: hashed.filter(isValidation).map(({ document }) => document),
  };
}

function cut<D extends { readonly text: string }>(document: D, validationFraction: number): SplitResult<D> {
  const { text } = document;
  const wanted = Math.floor(text.length * (1 - validationFraction));
  const lineEnd = text.lastIndexOf("\n", wanted - 1) + 1;
  let at = lineEnd > wanted * 0.9 ? lineEnd : wanted;
  if (isHighSurrogate(text.charCodeAt(at - 1))) at--;
  if (at <= 0 || at >= text.length) throw nothing(`one document of ${text.length} characters`);
  return { train: [{ ...document, text: text.slice(0, at) }], validation: [{ ...document, text: text.slice(at) }] };
}

/** A number in [0, 1) from a text and a seed: FNV-1a over UTF-16 units, spread by a finalizer. */
function hashShare(text: string, seed: number): number {
  return mix32(fnv1a(text, mix32(seed ^ FNV_START))) / 2 ** 32;
}

function requireFraction(fraction: number): void {
  if (fraction > 0 && fraction < 1) return;
  const details = { op: "splitDocuments", operand: "validationFraction", expected: "a number in (0, 1)" };
  throw new OutOfRangeError({ ...details, actual: String(fraction) });
}

function nothing(actual: string): EmptyDataError {
  const expected = "documents with at least two different texts, or one text long enough to cut";
  return new EmptyDataError({ op: "splitDocuments", operand: "documents", expected, actual });
}
