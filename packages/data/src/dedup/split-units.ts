/**
 * Cut a text into lines, or into paragraphs (ended by lines of nothing but white space). Each keeps the line ends after
 * it, so joined they are the text.
 */
export function splitUnits(text: string, unit: "paragraph" | "line"): string[] {
  const ends = unit === "line" ? /\n/g : /\n(?:[^\S\n]*\n)+/g;
  const parts: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(ends)) {
    parts.push(text.slice(start, index + end.length));
    start = index + end.length;
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}
