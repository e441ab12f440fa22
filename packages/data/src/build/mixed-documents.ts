import { join } from "node:path";
import type { Document } from "../document.ts";
import { mix32 } from "../random.ts";
import { utf8Length } from "../utf8-length.ts";
import { readPart } from "./part-files.ts";
import type { Part } from "./pass-state.ts";

/** Documents of one source, and how often they come. */
export interface MixedSource {
  readonly parts: readonly Part[];
  /** From 0; the part behind the point is the share of documents, drawn by chance, that come once more. */
  readonly repeat: number;
}

/** A document with its place in what it was mixed from. */
export interface MixedDocument {
  readonly document: Document;
  readonly bytes: number;
  readonly source: number;
  /** Its number in the source, and how often it came before. */
  readonly number: number;
  readonly round: number;
}

/**
 * The documents of several sources, as if shuffled together by their bytes: at every point each source has given about
 * the same share of all that it will give. The same files, repeats and seed give the same order; in memory is a batch a
 * source.
 */
export async function* mixDocuments(
  folder: string,
  sources: readonly MixedSource[],
  seed: number,
): AsyncGenerator<MixedDocument, void, undefined> {
  const streams = sources.map((source, i) => new SourceStream(folder, source, i, seed));
  let waiting = (await Promise.all(streams.map(async (stream) => ((await stream.advance()) ? stream : [])))).flat();
  while (waiting.length > 0) {
    const next = waiting.reduce((least, stream) => (stream.share < least.share ? stream : least));
    yield next.take();
    if (!(await next.advance())) waiting = waiting.filter((stream) => stream !== next);
  }
}

class SourceStream {
  /** Bytes given, as a share of those that the source is expected to give. */
  share = 0;
  readonly #documents: AsyncGenerator<MixedDocument>;
  readonly #expected: number;
  #next: MixedDocument | undefined;

  constructor(folder: string, source: MixedSource, number: number, seed: number) {
    this.#documents = drawDocuments(folder, source, number, seed);
    this.#expected = source.repeat * source.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Reads the next document; false when there is none. */
  async advance(): Promise<boolean> {
    const { value } = await this.#documents.next();
    this.#next = value ?? undefined;
    return this.#next !== undefined;
  }

  take(): MixedDocument {
    this.share += this.#next!.bytes / this.#expected;
    return this.#next!;
  }
}

async function* drawDocuments(
  folder: string,
  { parts, repeat }: MixedSource,
  source: number,
  seed: number,
): AsyncGenerator<MixedDocument> {
  const draw = mix32(mix32(seed ^ mix32(seed / 2 ** 32)) + source);
  for (let round = 0; round < repeat; round++) {
    const share = Math.min(1, repeat - round);
    let number = 0;
    for (const part of parts) {
      for await (const batch of readPart(join(folder, part.name), part.documents)) {
        for (const document of batch) {
          const isDrawn = share === 1 || mix32(draw ^ mix32(number + 1)) / 2 ** 32 < share;
          if (isDrawn) yield { document, bytes: utf8Length(document.text), source, number, round };
          number++;
        }
      }
    }
  }
}
