/** One text to learn from. */
export interface Document {
  readonly text: string;
  /** Where it comes from, for messages: a path, with the line or record where a file holds several. */
  readonly source: string;
}
