import type { StageReport, StageSample } from "@ds3/data";
import type { BuildReport } from "@ds3/data/node";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.ts";
import { drawBars, drawHistogram } from "./draw.ts";
import { markChanges } from "./mark-changes.ts";
import { escapeHtml, page, section, table, tiles } from "./page.ts";

/** A build's report as one page. */
export function dataPage(report: BuildReport): string {
  const parts = [
    tilesOf(report),
    sourcesOf(report),
    stagesOf(report),
    dropsOf(report),
    lengthsOf(report),
    samplesOf(report),
  ];
  return page("Training data", parts.join("\n"));
}

function tilesOf({ stages, encoding, shards, rejects, seconds, sources }: BuildReport): string {
  const read = stages[0]!;
  const kept = sources.reduce((sum, source) => sum + source.documentsKept, 0);
  return tiles([
    [formatCount(shards.tokens), `tokens in ${formatCount(shards.documents)} documents`],
    [ratio(encoding.bytes, encoding.tokens), "bytes of text per token"],
    [formatShare(kept / Math.max(1, read.documentsOut)), `kept of ${formatCount(read.documentsOut)} documents read`],
    [formatBytes(read.bytesOut), "text read"],
    [formatCount(rejects), "records that could not be read"],
    [formatSeconds(seconds), "in all"],
  ]);
}

function sourcesOf({ sources }: BuildReport): string {
  const bars = sources.map(({ name, tokens, tokenShare }) => ({ name, value: tokens, text: formatShare(tokenShare) }));
  const rows = sources.map((source) => [
    source.name,
    formatCount(source.files),
    formatCount(source.documentsKept),
    formatBytes(source.bytesKept),
    `${Number(source.repeat.toFixed(2))}×`,
    formatCount(source.documents),
    formatCount(source.tokens),
    formatShare(source.tokenShare),
  ]);
  const header = ["source", "files", "documents kept", "text kept", "repeated", "documents", "tokens", "share"];
  return section(
    "Sources",
    "Share of all tokens. What is kept is repeated or drawn from by the mix.",
    drawBars("sources", "Share of tokens by source", bars) + table(header, rows),
  );
}

function stagesOf({ stages }: BuildReport): string {
  const bars = stages.map(({ name, documentsIn, documentsOut }) => ({
    name,
    value: documentsOut,
    rest: documentsIn - documentsOut,
    text:
      documentsIn === documentsOut
        ? formatCount(documentsOut)
        : `${formatCount(documentsOut)} (−${formatCount(documentsIn - documentsOut)})`,
  }));
  const rows = stages.map((stage) => [
    stage.name,
    formatCount(stage.documentsIn),
    formatCount(stage.documentsOut),
    formatCount(stage.documentsChanged),
    formatBytes(stage.bytesIn),
    formatBytes(stage.bytesOut),
    formatSeconds(stage.seconds),
    stage.megabytesPerSecond === 0 ? "–" : stage.megabytesPerSecond.toFixed(1),
  ]);
  const header = ["stage", "documents in", "out", "changed", "bytes in", "out", "time", "MB/s"];
  return section(
    "Stages",
    "Documents that each stage let through, and behind them those that it dropped.",
    drawBars("stages", "Documents by stage", bars) + table(header, rows),
  );
}

function dropsOf({ stages }: BuildReport): string {
  const drops = stages.flatMap((stage) =>
    Object.entries(stage.dropped).map(([reason, count]) => ({ reason, count, share: count / stage.documentsIn })),
  );
  if (drops.length === 0) return section("Why documents were dropped", "None was.", "");
  const bars = drops
    .toSorted((a, b) => b.count - a.count)
    .map(({ reason, count, share }) => ({
      name: reason,
      value: count,
      text: `${formatCount(count)} (${formatShare(share)})`,
    }));
  return section(
    "Why documents were dropped",
    "Documents by reason, with their share of those that came into the stage.",
    drawBars("drops", "Documents dropped by reason", bars) + languagesOf(stages),
  );
}

/** What every language lost, where there are several. */
function languagesOf(stages: readonly StageReport[]): string {
  const names = [...new Set(stages.flatMap(({ languages }) => Object.keys(languages)))].sort();
  if (names.length < 2) return "";
  const last = stages.findLast(({ languages }) => Object.keys(languages).length > 0)!;
  const rows = names.flatMap((name) => {
    const dropped = stages.reduce(
      (sum, { languages }) => sum + Object.values(languages[name]?.dropped ?? {}).reduce((a, b) => a + b, 0),
      0,
    );
    const kept = last.languages[name]?.documentsOut ?? 0;
    return dropped + kept === 0 ? [] : [[name, formatCount(dropped), formatCount(kept)]];
  });
  return `<h3>By language</h3>${table(["language", "dropped", "kept"], rows)}`;
}

function lengthsOf({ lengths, tokenLengths }: BuildReport): string {
  return (
    section(
      "Length in characters",
      "Documents kept, by UTF-16 units of text.",
      drawHistogram("lengths", "Documents by length", lengths),
    ) +
    section(
      "Length in tokens",
      "Documents in the shards.",
      drawHistogram("token-lengths", "Documents by tokens", tokenLengths),
    )
  );
}

function samplesOf({ stages }: BuildReport): string {
  const parts = stages
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, samples }) => {
      return `<h3>${escapeHtml(name)}</h3>${samples.map((sample, i) => sampleOf(sample, i === 0)).join("")}`;
    });
  if (parts.length === 0) return "";
  return section("Samples", "What stages changed or dropped, drawn at random; long texts are cut.", parts.join(""));
}

function sampleOf({ before, after, reason, detail, source }: StageSample, isOpen: boolean): string {
  const what = reason === undefined ? "changed" : `dropped: ${reason}${detail === undefined ? "" : `, ${detail}`}`;
  const cell = (title: string, html: string): string => `<div><span>${title}</span><pre>${html}</pre></div>`;
  const cells =
    after === undefined
      ? cell("before", escapeHtml(before))
      : cell("before", markChanges(before, after)) + cell("after", markChanges(after, before));
  return `<details${isOpen ? " open" : ""}><summary><b>${escapeHtml(what)}</b> · ${escapeHtml(source)}</summary><div class="pair">${cells}</div></details>`;
}

function ratio(a: number, b: number): string {
  return b === 0 ? "–" : (a / b).toFixed(2);
}
