/** What is mixed: a text, or ids where documents are encoded already. */
export type MixDocument = { readonly text: string } | { readonly ids: ArrayLike<number> };

/** Documents under one name, which can be read from the beginning any number of times. */
export interface MixSource<D extends MixDocument = MixDocument> {
  /** Unique in a mix. */
  readonly name: string;
  /** The documents, or a function that begins to read them anew: the same documents in the same order each time. */
  readonly documents: readonly D[] | ((epoch: number) => Iterable<D> | AsyncIterable<D>);
  /** Reads from the document at an index on: makes going on from a cursor quick where a function gives the documents. */
  readonly documentsFrom?: (index: number, epoch: number) => Iterable<D> | AsyncIterable<D>;
  /** Sum of the documents' measures. Default: counted, by reading them once more. */
  readonly size?: number;
}

/** Options of all mixes. */
export interface MixBaseOptions<D extends MixDocument = MixDocument> {
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /**
   * Times that a document comes at most; a share that would need more stays below its weight. Default 4: up to there,
   * repeated data were found about as good as new (Muennighoff et al. 2023, arXiv 2305.16264).
   */
  readonly maxEpochs?: number;
  /** How much a document counts, at least 0. Default: its ids, or without ids the UTF-8 bytes of its text. */
  readonly measure?: (document: D) => number;
  /** Go on from here: a cursor of a mix of the same sources and options. */
  readonly cursor?: MixCursor;
}

/** A document of a mix. */
export interface Mixed<D extends MixDocument = MixDocument> {
  readonly document: D;
  /** Name of its source. */
  readonly source: string;
  /** How often the document came before. */
  readonly epoch: number;
  /** Its place in the source. */
  readonly index: number;
}

/** A place in one source. Plain JSON. */
export interface MixSourceCursor {
  readonly name: string;
  /** Sum of measures of one epoch. */
  readonly size: number;
  /** Epochs to read in all, a fraction for a part of the last. */
  readonly epochs: number;
  /** The epoch of the next document, and its index or one before it. */
  readonly epoch: number;
  readonly index: number;
  /** Measure of the documents of this epoch that were passed, and of those of them that were given. */
  readonly seen: number;
  readonly kept: number;
  /** Documents given in all epochs, and their measure. */
  readonly documents: number;
  readonly amount: number;
}

/** A place in a mix. Plain JSON. */
export interface MixCursor {
  readonly seed: number;
  readonly sources: readonly MixSourceCursor[];
}

/** What became of one source so far. */
export interface MixSourceReport {
  readonly name: string;
  /** Sum of measures of one epoch. */
  readonly size: number;
  /** Share that its weight asks for, and share of what was given so far; 0 when nothing was. */
  readonly weight: number;
  readonly share: number;
  /** Epochs to read in all. */
  readonly epochs: number;
  /** Its weight asked for more epochs than `maxEpochs`. */
  readonly capped: boolean;
  /** Documents given, repeated ones each time, and the sum of their measures. */
  readonly documents: number;
  readonly amount: number;
}

/** What a mix gave so far. */
export interface MixReport {
  readonly documents: number;
  readonly amount: number;
  readonly sources: readonly MixSourceReport[];
}

/** Documents of several sources, interleaved. Iterate it once, or call `next`. */
export interface Mix<D extends MixDocument = MixDocument> extends AsyncIterableIterator<Mixed<D>, undefined> {
  next(): Promise<IteratorResult<Mixed<D>, undefined>>;
  /** Stops, and closes what is being read. */
  return(): Promise<IteratorResult<Mixed<D>, undefined>>;
  /** The place after the last document that was given. */
  cursor(): MixCursor;
  report(): MixReport;
}
