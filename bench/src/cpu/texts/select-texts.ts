import { createHash } from "node:crypto";

/** UTF-16 units of a piece, but for the last: calls cost little beside their work, and documents keep their size. */
const SHORTEST = 4096;
const LONGEST = 32_768;

/**
 * About `bytes` bytes of UTF-8 of some texts, all of them distinct, in pieces of 4,096 to 32,768 UTF-16 units: longer texts
 * are cut at line ends, shorter ones are joined by a blank line.
 *
 * The order is that of the texts' hashes: sets mix, and one more text moves no other.
 */
export function selectTexts(texts: Iterable<string>, bytes: number): string[] {
  const chosen: string[] = [];
  let left = bytes;
  for (const text of byHash(texts)) {
    for (const piece of cutLong(text)) {
      if (left <= 0) return joinShort(chosen);
      chosen.push(piece);
      left -= Buffer.byteLength(piece);
    }
  }
  return joinShort(chosen);
}

/** Bytes of some texts in UTF-8. */
export function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Distinct texts in the order of their hashes. */
export function byHash(texts: Iterable<string>): string[] {
  const hash = (text: string): string => createHash("sha1").update(text).digest("hex");
  const found = new Map(Array.from(texts, (text) => [hash(text), text]));
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
}

/** Parts of a text that together are the text. */
export function cutLong(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  while (text.length - from > LONGEST) {
    const lineEnd = text.lastIndexOf("\n", from + LONGEST - 1) + 1;
    const end = lineEnd > from ? lineEnd : beforePair(text, from + LONGEST);
    parts.push(text.slice(from, end));
    from = end;
  }
  return [...parts, text.slice(from)];
}

function beforePair(text: string, at: number): number {
  return (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 ? at - 1 : at;
}

function joinShort(texts: readonly string[]): string[] {
  const joined: string[] = [];
  let open: string[] = [];
  let units = 0;
  for (const text of texts) {
    open.push(text);
    units += text.length;
    if (units < SHORTEST) continue;
    joined.push(open.join("\n\n"));
    [open, units] = [[], 0];
  }
  return open.length === 0 ? joined : [...joined, open.join("\n\n")];
}
