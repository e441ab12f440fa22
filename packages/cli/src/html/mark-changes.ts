import { escapeHtml } from "./page.ts";

/** Units by which two texts may differ at one place and still be brought together behind it. */
const REACH = 160;
/** Units that must be equal for that. */
const ANCHOR = 12;

/**
 * A text as HTML, with what another does not have marked.
 *
 * At each difference the nearest place is taken from which both go on alike. Samples are cut to one length: of two texts of
 * that length the ends are not compared.
 */
export function markChanges(text: string, other: string): string {
  let html = "";
  let [i, j] = [0, 0];
  while (i < text.length && j < other.length) {
    let same = 0;
    while (i + same < text.length && j + same < other.length && text[i + same] === other[j + same]) same++;
    html += escapeHtml(text.slice(i, i + same));
    i += same;
    j += same;
    if (i === text.length || j === other.length) break;
    const [skipped, otherSkipped] = meet(text, i, other, j);
    html += mark(text.slice(i, i + skipped));
    i += skipped;
    j += otherSkipped;
  }
  const end = text.slice(i);
  return html + (text.length === other.length ? escapeHtml(end) : mark(end));
}

/** How much to skip of both; all of both where they do not come together. */
function meet(a: string, i: number, b: string, j: number): readonly [number, number] {
  for (let distance = 1; distance <= REACH; distance++) {
    for (let skip = 0; skip <= distance; skip++) {
      const anchor = a.slice(i + skip, i + skip + ANCHOR);
      if (anchor !== "" && b.startsWith(anchor, j + distance - skip)) return [skip, distance - skip];
    }
  }
  return [a.length - i, b.length - j];
}

function mark(text: string): string {
  return text === "" ? "" : `<mark>${escapeHtml(text)}</mark>`;
}
