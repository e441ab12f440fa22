import type { BuildReport } from "@ds3/data/node";
import { formatBytes, formatCount, formatSeconds, formatShare, formatTable } from "./format.ts";
import { binName } from "./html/draw.ts";

/** A build's report as text: sources, stages, reasons, lengths. */
export function describeBuild(report: BuildReport): string {
  return [sources(report), stages(report), drops(report), lengths(report), summary(report)]
    .filter(Boolean)
    .join("\n\n");
}

function sources(report: BuildReport): string {
  const rows = report.sources.map((source) => [
    source.name,
    formatCount(source.documentsKept),
    formatBytes(source.bytesKept),
    `${Number(source.repeat.toFixed(2))}x`,
    formatCount(source.tokens),
    formatShare(source.tokenShare),
  ]);
  return formatTable(["source", "documents", "text", "repeated", "tokens", "share"], rows);
}

function stages(report: BuildReport): string {
  const rows = report.stages.map((stage) => [
    stage.name,
    formatCount(stage.documentsIn),
    formatCount(stage.documentsOut),
    formatCount(stage.documentsChanged),
    formatBytes(stage.bytesOut),
    formatSeconds(stage.seconds),
    stage.megabytesPerSecond === 0 ? "-" : stage.megabytesPerSecond.toFixed(1),
  ]);
  return formatTable(["stage", "in", "out", "changed", "bytes out", "time", "MB/s"], rows);
}

function drops(report: BuildReport): string {
  const rows = report.stages.flatMap(({ dropped, documentsIn }) =>
    Object.entries(dropped).map(([reason, count]) => ({ reason, count, share: count / documentsIn })),
  );
  if (rows.length === 0) return "";
  const sorted = rows.toSorted((a, b) => b.count - a.count);
  return formatTable(
    ["dropped because", "documents", "of its stage"],
    sorted.map(({ reason, count, share }) => [reason, formatCount(count), formatShare(share)]),
  );
}

const BAR = 40;

function lengths({ tokenLengths }: BuildReport): string {
  const most = Math.max(1, ...tokenLengths.map(({ count }) => count));
  const rows = tokenLengths.map(({ from, to, count }) => {
    return `${binName(from).padStart(6)} to ${binName(to).padEnd(6)} ${"#".repeat(Math.ceil((BAR * count) / most)).padEnd(BAR)} ${formatCount(count)}`;
  });
  return ["documents by tokens", ...rows].join("\n");
}

function summary({ shards, encoding, rejects, seconds, peakResidentBytes }: BuildReport): string {
  const { tokens, documents, files } = shards;
  const lines = [
    `${formatCount(tokens)} tokens, ${formatCount(documents)} documents, ${formatCount(files)} shards; ${(encoding.bytes / Math.max(1, tokens)).toFixed(2)} bytes of text per token`,
    `${formatCount(encoding.fimDocuments)} documents for fill-in-the-middle, ${formatCount(encoding.splitTokens)} tokens split`,
    `${formatSeconds(seconds)}, at most ${formatBytes(peakResidentBytes)} of memory`,
  ];
  if (rejects > 0) lines.push(`${formatCount(rejects)} records could not be read: rejects.jsonl`);
  return lines.join("\n");
}
