/** Where the fields of one CSV record stand in a text; arrays are used again for the next record. */
export interface CsvRecord {
  /** Places of each field's first unit and of the end behind its last one, quotes left out. */
  readonly starts: number[];
  readonly ends: number[];
  /** How many fields there are; what stands beyond in the arrays is of earlier records. */
  count: number;
  /** Bit 1: the field is quoted; bit 2: it holds doubled quotes. */
  readonly flags: number[];
  /** Behind the record's line end. */
  end: number;
}

export const QUOTED = 1;
export const DOUBLED = 2;

/** What a scan ends with. */
export type ScanResult = "record" | "incomplete" | "junk" | "end";

export interface CsvDialect {
  /** One ASCII character. */
  readonly delimiter: string;
  /** Whether fields may stand in quotes. */
  readonly quotes: boolean;
}

const QUOTE = 0x22;
const LINE_FEED = 10;
const RETURN = 13;

/**
 * Finds the records of CSV text one by one, as RFC 4180 has them: quoted fields may hold delimiters, line ends, and
 * quotes, doubled. Records end at LF or CRLF; in a file whose first line end is a lone CR, at CR.
 *
 * It looks at ASCII alone, so the text may be bytes read as Latin-1: places in it are then places in the bytes.
 */
export class CsvScanner {
  readonly record: CsvRecord = { starts: [], ends: [], flags: [], count: 0, end: 0 };
  readonly #delimiter: number;
  readonly #quotes: boolean;
  /** The unit that ends lines, or 0 before the first line end was seen. */
  #lineEnd = 0;

  constructor({ delimiter, quotes }: CsvDialect) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#quotes = quotes;
  }

  /** The character that ends lines, as far as it is known. */
  get lineEnd(): string {
    return this.#lineEnd === RETURN ? "\r" : "\n";
  }

  /**
   * Find the record that begins at `from`. `isLast` says that no more text follows.
   * Returns "incomplete" when the text ends within the record, "junk" for a quote within an unquoted field or something
   * behind a closing quote, "end" when nothing is left.
   */
  scan(text: string, from: number, isLast: boolean): ScanResult {
    const { record } = this;
    record.count = 0;
    if (from >= text.length) return "end";
    for (let at = from; ; at++) {
      const isQuoted = this.#quotes && text.charCodeAt(at) === QUOTE;
      const end = isQuoted ? this.#quotedEnd(text, at) : this.#plainEnd(text, at);
      if (end < 0) return "incomplete";
      const unit = end < text.length ? text.charCodeAt(end) : -1;
      if (unit === this.#delimiter) at = end;
      else if (unit === -1) return isLast ? this.#finish(end) : "incomplete";
      else if (unit === LINE_FEED || unit === RETURN) return this.#endLine(text, end, unit, isLast);
      else return "junk";
    }
  }

  /** The place behind the closing quote, or -1 when it is not there. At the text's end it may be the first of two. */
  #quotedEnd(text: string, start: number): number {
    let flags = QUOTED;
    for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 2)) {
      if (text.charCodeAt(at + 1) !== QUOTE) return this.#add(start + 1, at, flags, at + 1);
      flags |= DOUBLED;
    }
    return -1;
  }

  /** The place of the delimiter, line end or quote that an unquoted field ends at. */
  #plainEnd(text: string, start: number): number {
    const delimiter = this.#delimiter;
    const quote = this.#quotes ? QUOTE : -1;
    let at = start;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === delimiter || unit === quote || unit === LINE_FEED) break;
      // A CR belongs to the field where lines end at LF, unless it stands before that.
      if (unit === RETURN && (this.#lineEnd !== LINE_FEED || text.charCodeAt(at + 1) === LINE_FEED)) break;
    }
    return this.#add(start, at, 0, at);
  }

  #add(start: number, end: number, flags: number, next: number): number {
    const { record } = this;
    const index = record.count++;
    record.starts[index] = start;
    record.ends[index] = end;
    record.flags[index] = flags;
    return next;
  }

  #endLine(text: string, at: number, unit: number, isLast: boolean): ScanResult {
    if (unit === LINE_FEED) {
      this.#lineEnd ||= LINE_FEED;
      return this.#finish(at + 1);
    }
    if (at + 1 === text.length && !isLast) return "incomplete"; // an LF may follow
    if (text.charCodeAt(at + 1) === LINE_FEED) {
      this.#lineEnd ||= LINE_FEED;
      return this.#finish(at + 2);
    }
    if (this.#lineEnd === LINE_FEED) return "junk"; // behind a closing quote
    this.#lineEnd = RETURN;
    return this.#finish(at + 1);
  }

  #finish(end: number): ScanResult {
    this.record.end = end;
    return "record";
  }
}
