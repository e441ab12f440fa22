import type { DecoderStep, TokenSink } from "./token-sink.ts";

/**
 * Take up to `start` characters `content` off the beginning of each token and up to `stop` off its end.
 *
 * Differs from HF, which panics where both ends ask for the same character: the beginning takes it.
 */
export function stripStep(content: string, start: number, stop: number): DecoderStep {
  return (next) => new StripSink(next, content, start, stop);
}

class StripSink implements TokenSink {
  readonly #next: TokenSink;
  readonly #content: string;
  readonly #start: number;
  readonly #stop: number;
  /** Characters that may still be taken off the beginning; 0 once another one came. */
  #leading: number;
  /** Characters `content` at the end so far: they are taken off, or written when something follows. */
  #held = 0;

  constructor(next: TokenSink, content: string, start: number, stop: number) {
    this.#next = next;
    this.#content = content;
    this.#start = start;
    this.#stop = stop;
    this.#leading = start;
  }

  write(part: string): void {
    const rest = this.#cutLeading(part);
    if (rest === "") return;
    const { length } = this.#content;
    const text = this.#content.repeat(this.#held) + rest;
    let end = text.length;
    this.#held = 0;
    while (this.#held < this.#stop && text.endsWith(this.#content, end)) {
      this.#held++;
      end -= length;
    }
    if (end > 0) this.#next.write(text.slice(0, end));
  }

  close(): void {
    this.#leading = this.#start;
    this.#held = 0;
    this.#next.close();
  }

  end(): void {
    this.#next.end();
  }

  #cutLeading(part: string): string {
    let from = 0;
    while (this.#leading > 0 && part.startsWith(this.#content, from)) {
      this.#leading--;
      from += this.#content.length;
    }
    if (from < part.length) this.#leading = 0;
    return part.slice(from);
  }
}
