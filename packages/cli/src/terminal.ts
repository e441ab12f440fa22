/** Where a command writes, so that a test can take the place of the process. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stdin: NodeJS.ReadableStream;
}

/**
 * The output of one command: results go to standard output, all else to standard error. With `json` one JSON document is
 * the whole of standard output.
 */
export class Terminal {
  readonly json: boolean;
  readonly #streams: Streams;
  #isStatusShown = false;
  #nextPlain = 0;
  #stage = "";

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.json = json;
  }

  get stdin(): NodeJS.ReadableStream {
    return this.#streams.stdin;
  }

  /** Lines of the result for a person; nothing with `json`. */
  print(text: string): void {
    this.#clear();
    if (!this.json) this.#streams.stdout.write(`${text}\n`);
  }

  /** The result for a program; nothing without `json`. */
  document(value: unknown): void {
    this.#clear();
    if (this.json) this.#streams.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Part of a result that is text for both. */
  write(text: string): void {
    this.#streams.stdout.write(text);
  }

  /** A line about the work, not its result. */
  note(text: string): void {
    this.#clear();
    this.#streams.stderr.write(`${text}\n`);
  }

  /**
   * How far work is, as `stage: how far`: one line, overwritten, on a terminal; else a plain line every few seconds, and
   * the first of each stage.
   */
  status(line: string): void {
    const { stderr } = this.#streams;
    if (stderr.isTTY) {
      // A line that wraps could not be taken back.
      stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 80) - 1)}`);
      this.#isStatusShown = true;
      return;
    }
    const now = performance.now();
    const stage = line.slice(0, line.indexOf(":"));
    if (now < this.#nextPlain && stage === this.#stage) return;
    this.#stage = stage;
    this.#nextPlain = now + 5000;
    stderr.write(`${line}\n`);
  }

  #clear(): void {
    if (this.#isStatusShown) this.#streams.stderr.write("\r\u001b[2K");
    this.#isStatusShown = false;
  }
}
