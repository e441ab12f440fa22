import { characterClasses, SPACE } from "./character-classes.ts";

/** Takes the range of a line without white space around it. */
export type LineVisitor = (from: number, to: number) => void;

/** Walk over the lines of `text` that are not blank; lines end with \n. Ranges leave out white space at both ends. */
export function eachLine(text: string, visit: LineVisitor): void {
  const classes = characterClasses();
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    let from = start;
    while (from < end && classes[text.charCodeAt(from)] === SPACE) from++;
    let to = end;
    while (to > from && classes[text.charCodeAt(to - 1)] === SPACE) to--;
    if (from < to) visit(from, to);
    start = end + 1;
  }
}

/** True when the part of `text` that ends at `to` ends with an ellipsis, `...` or U+2026. */
export function endsWithEllipsis(text: string, to: number): boolean {
  return text.charCodeAt(to - 1) === 0x2026 || text.endsWith("...", to);
}

/** How often `part` occurs in `text`, without overlap. */
export function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
