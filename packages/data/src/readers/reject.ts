/** A record that could not be read, kept aside so that nothing is lost. */
export interface Reject {
  readonly file: string;
  /** The line where it begins, from 1; the row in a Parquet file. */
  readonly line: number;
  /** What was expected there, and what came. */
  readonly reason: string;
  /** The record as it stands in the file; bytes that are no text are U+FFFD here. */
  readonly text: string;
  /** The record's bytes, when `text` cannot hold them. */
  readonly base64?: string;
}

/** Takes the records that could not be read. What it throws ends the reading. */
export type OnReject = (reject: Reject) => void;
