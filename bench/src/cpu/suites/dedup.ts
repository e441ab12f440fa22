import { createDeduplicator, type DedupReport, type Document } from "@ds3/data";
import { median } from "../../figure.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { documentsOf } from "./documents.ts";

const REPEATS = 5;

/** Both passes' first one, with what it takes to find the clusters; every tenth document comes twice. */
export async function* benchDedup(input: TextInput): AsyncGenerator<CpuFigure> {
  const documents = documentsOf(input);
  const all = [...documents, ...documents.filter((_, i) => i % 10 === 0)];
  for (const mode of ["exact", "minHash"] as const) {
    const reports: DedupReport[] = [];
    for (let i = 0; i <= REPEATS; i++) reports.push(await search(mode, all));
    const value = median(reports.slice(1).map(({ bytesIn, seconds }) => bytesIn / 1e6 / seconds));
    const { documents: count, clusters } = reports[0]!;
    const note = `${count} documents, ${clusters} clusters`;
    yield { name: `data.dedup.${mode}`, value, unit: "MB/s", note };
  }
}

async function search(mode: "exact" | "minHash", documents: readonly Document[]): Promise<DedupReport> {
  const deduplicator = createDeduplicator({ mode });
  for (const document of documents) deduplicator.add(document);
  return (await deduplicator.finish()).report;
}
