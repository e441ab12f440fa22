import { demoPackages } from "@ds3/cli/demo-texts";
import type { Document } from "@ds3/data";
import type { SourceFigures } from "./run-record.ts";

/**
 * Documents and UTF-8 bytes of each source, in the order of first appearance, with origin and licence of the demo
 * packages. Everything else is the user's own file; the line or record that follows its path (`my.csv:7`) is dropped.
 */
export function sourceFigures(documents: Iterable<Document>): SourceFigures[] {
  const sums = new Map<string, { documents: number; bytes: number }>();
  for (const { text, source: place } of documents) {
    const source = place.replace(/[:#]\d+$/, "");
    const sum = sums.get(source) ?? { documents: 0, bytes: 0 };
    sums.set(source, { documents: sum.documents + 1, bytes: sum.bytes + Buffer.byteLength(text) });
  }
  return [...sums].map(([source, sum]) => {
    const known = demoPackages.find(({ name }) => name === source);
    if (known === undefined) return { name: source, origin: "your file", licence: "yours to know", ...sum };
    return { name: `${known.name}@${known.version}`, origin: known.origin, licence: known.licence, ...sum };
  });
}
