import { OutOfRangeError } from "@ds3/errors";
import { EmptyDataError } from "../empty-data-error.ts";
import { createKeyedRandom } from "../keyed-random.ts";
import { mix32 } from "../random.ts";
import type { MixDocument, Mixed, MixSource, MixSourceCursor } from "./mix-types.ts";

/** Options of `SourceReader`. */
export interface SourceReaderOptions<D extends MixDocument> {
  readonly seed: number;
  readonly measure: (document: D) => number;
}

/** The next document of a source. */
interface Head<D extends MixDocument> extends Mixed<D> {
  /** Where in the mix it goes: in [0, 1) from the source's first document to its last. */
  readonly position: number;
  /** The place after it. */
  readonly after: MixSourceCursor;
}

/**
 * Reads one source as many epochs as planned, the last perhaps in part.
 *
 * Of the source's whole amount A each document takes an interval as long as its measure; it is placed at a random point of
 * it, divided by A. Sources that are merged by these positions keep their shares up to one document of each at any time.
 * What a document draws follows from seed, name, epoch and index, so that a place is all that has to be saved.
 */
export class SourceReader<D extends MixDocument> {
  readonly #source: MixSource<D>;
  readonly #options: SourceReaderOptions<D>;
  #place: MixSourceCursor;
  #documents: AsyncIterator<D> | Iterator<D> | undefined;
  #head: Head<D> | undefined;
  #words: { readonly epoch: number; readonly point: number; readonly threshold: number } | undefined;

  constructor(source: MixSource<D>, place: MixSourceCursor, options: SourceReaderOptions<D>) {
    this.#source = source;
    this.#place = place;
    this.#options = options;
  }

  /** The place after the document taken last. */
  get place(): MixSourceCursor {
    return this.#place;
  }

  /** The document that the next `take` gives, where one was found: see `find`. */
  get head(): Head<D> | undefined {
    return this.#head;
  }

  take(): Mixed<D> {
    const { document, source, epoch, index, after } = this.#head!;
    this.#head = undefined;
    this.#place = after;
    return { document, source, epoch, index };
  }

  /** Read up to the next document; without a head after it the source is at its end. */
  async find(): Promise<void> {
    let place = this.#place;
    while (this.#head === undefined && place.epoch < place.epochs) {
      this.#documents ??= await openSource(this.#source, place);
      const { done, value } = await this.#documents.next();
      if (done) {
        place = this.#nextEpoch(place);
        continue;
      }
      const index = place.index;
      const { isKept, point, measured } = this.#draw(value, place);
      place = { ...place, index: index + 1, seen: place.seen + measured };
      if (!isKept) continue;
      const position = (place.amount + point * measured) / (place.epochs * place.size);
      const { kept, documents, amount } = place;
      const after = { ...place, kept: kept + measured, documents: documents + 1, amount: amount + measured };
      this.#head = { document: value, source: place.name, epoch: place.epoch, index, position, after };
    }
  }

  async close(): Promise<void> {
    await this.#documents?.return?.();
    this.#documents = undefined;
  }

  #nextEpoch(place: MixSourceCursor): MixSourceCursor {
    if (place.index === 0) throw noDocuments(place.name, `no document in pass ${place.epoch + 1}`);
    this.#documents = undefined;
    return { ...place, epoch: place.epoch + 1, index: 0, seen: 0, kept: 0 };
  }

  /**
   * Whether a document belongs to the mix, and which point of its interval it is placed at. A part of an epoch is spread
   * over the whole: the kept amount follows the passed one times the fraction, less than a document away from it.
   */
  #draw(document: D, place: MixSourceCursor): { isKept: boolean; point: number; measured: number } {
    const { name, epoch, index, epochs, seen, kept } = place;
    const measured = requireMeasure(this.#options.measure(document), name, index);
    const { point, threshold } = this.#uniforms(epoch, index);
    const fraction = epochs - epoch;
    return {
      isKept: fraction >= 1 || kept + threshold * measured <= fraction * (seen + measured),
      point,
      measured,
    };
  }

  /** Two numbers in [0, 1) for a document: from two words that its epoch draws, each mixed with its index. */
  #uniforms(epoch: number, index: number): { readonly point: number; readonly threshold: number } {
    if (this.#words?.epoch !== epoch) {
      const random = createKeyedRandom(this.#options.seed, "mix", `${this.#source.name}\0${epoch}`);
      this.#words = { epoch, point: random.nextUint32(), threshold: random.nextUint32() };
    }
    const uniform = (word: number): number => mix32(word ^ mix32(index)) / 2 ** 32;
    return { point: uniform(this.#words.point), threshold: uniform(this.#words.threshold) };
  }
}

/** Sum of the measures of a source's documents, by reading it once. */
export async function countSource<D extends MixDocument>(
  source: MixSource<D>,
  measure: (document: D) => number,
): Promise<number> {
  const { name, documents } = source;
  let [size, index] = [0, 0];
  for await (const document of typeof documents === "function" ? documents(0) : documents) {
    size += requireMeasure(measure(document), name, index++);
  }
  return size;
}

/** @returns The error for a source that has nothing to give. */
export function noDocuments(name: string, actual: string): EmptyDataError {
  const hint = "Its documents must be an array, or a function that begins anew each time; or give it weight 0.";
  return new EmptyDataError({ op: "mix", operand: `source "${name}"`, expected: "documents to read", actual, hint });
}

async function openSource<D extends MixDocument>(
  { documents, documentsFrom }: MixSource<D>,
  { index, epoch }: MixSourceCursor,
): Promise<AsyncIterator<D> | Iterator<D>> {
  if (typeof documents !== "function") return documents.slice(index).values();
  if (documentsFrom !== undefined && index > 0) return iterate(documentsFrom(index, epoch));
  const iterator = iterate(documents(epoch));
  for (let i = 0; i < index; i++) await iterator.next();
  return iterator;
}

function iterate<D>(documents: Iterable<D> | AsyncIterable<D>): AsyncIterator<D> | Iterator<D> {
  return Symbol.asyncIterator in documents ? documents[Symbol.asyncIterator]() : documents[Symbol.iterator]();
}

function requireMeasure(value: number, name: string, index: number): number {
  if (value >= 0 && Number.isFinite(value)) return value;
  const operand = `measure of document ${index} of source "${name}"`;
  throw new OutOfRangeError({ op: "mix", operand, expected: "a finite number >= 0", actual: `${value}` });
}
