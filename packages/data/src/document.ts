/** One text to learn from. Stages of the pipeline add to it; none but `text` and `source` is needed. */
export interface Document {
  readonly text: string;
  /** Where it comes from, for messages: a path, with the line or record where a file holds several; unique in a build. */
  readonly source: string;
  /** Name of the set of sources that it belongs to, by which sets are mixed. */
  readonly corpus?: string;
  /** ISO 639-1 code of the language, such as "en" or "zh". */
  readonly language?: string;
  /** How much its tokens count in the loss, beside others' 1. */
  readonly weight?: number;
  /** What else is known of it, such as other columns of its file. */
  readonly meta?: Readonly<Record<string, unknown>>;
}
