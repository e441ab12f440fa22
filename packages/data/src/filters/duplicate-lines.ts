import { eachLine } from "./text-lines.ts";

/** How much of a text's lines or paragraphs was there before. */
export interface Duplicates {
  /** Lines or paragraphs that are not blank. */
  readonly count: number;
  /** Those that equal an earlier one. */
  readonly duplicates: number;
  /** UTF-16 units in those. */
  readonly duplicateUnits: number;
}

/** Lines that equal an earlier one, white space at both ends left out. */
export function duplicateLines(text: string): Duplicates {
  const counter = new DuplicateCounter();
  eachLine(text, (from, to) => counter.add(text.slice(from, to)));
  return counter;
}

/** Paragraphs, which blank lines separate, that equal an earlier one. */
export function duplicateParagraphs(text: string): Duplicates {
  const counter = new DuplicateCounter();
  let start = -1;
  let end = -1;
  eachLine(text, (from, to) => {
    if (start >= 0 && isBlankBetween(text, end, from)) {
      counter.add(text.slice(start, end));
      start = -1;
    }
    if (start < 0) start = from;
    end = to;
  });
  if (start >= 0) counter.add(text.slice(start, end));
  return counter;
}

/** True when two line ends lie between the end of a line and the beginning of the next that is not blank. */
function isBlankBetween(text: string, end: number, from: number): boolean {
  const newline = text.indexOf("\n", text.indexOf("\n", end) + 1);
  return newline >= 0 && newline < from;
}

class DuplicateCounter implements Duplicates {
  count = 0;
  duplicates = 0;
  duplicateUnits = 0;
  readonly #seen = new Set<string>();

  add(part: string): void {
    this.count++;
    if (this.#seen.size < this.#seen.add(part).size) return;
    this.duplicates++;
    this.duplicateUnits += part.length;
  }
}
