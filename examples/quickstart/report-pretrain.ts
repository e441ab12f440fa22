import { expertLoadChart, heatBins } from "./chart-expert-load.ts";
import { learningRateChart, lossChart, lossLegend } from "./charts.ts";
import { escapeHtml } from "./report-format.ts";
import { figure, section, strokeKey } from "./report-parts.ts";
import type { RunRecord } from "./run-record.ts";

/** What pre-training did: its curves, the load of its experts, and text that it continued. */
export function pretrainSections(run: RunRecord): string {
  return [losses(run), learningRate(run), expertLoads(run), samples(run)].join("\n");
}

function losses(run: RunRecord): string {
  const note =
    "Training loss is that of the main head. MTP is the loss of its prediction one token further, before its weight: it " +
    "knows the token between and is a layer deeper, so it may lie below.";
  const drawing = figure(
    lossChart(run.curves, run.baseline.lossNats),
    "Curves of training, MTP and validation loss over the steps",
  );
  const drawn = lossLegend.filter(([, colour]) => colour !== "--mtp" || run.curves.mtp.length > 0);
  return section({ id: "pretrain", title: "Pre-training: loss", note }, strokeKey(drawn) + drawing);
}

function learningRate(run: RunRecord): string {
  const drawing = figure(learningRateChart(run.curves), "Curve of the learning rate over the steps");
  return section({ title: "Pre-training: learning rate" }, drawing);
}

function expertLoads(run: RunRecord): string {
  if (run.expertLoads.length === 0) return "";
  const charts = run.expertLoads.map(
    (load) =>
      `<h3>${escapeHtml(load.layer)}</h3>${figure(expertLoadChart(load), `Load of each expert of ${load.layer} over the steps`)}`,
  );
  const note =
    "Tokens sent to each routed expert, as a multiple of the layer's mean. Even colour means balanced experts.";
  return section({ title: "Pre-training: expert load", note }, heatScale() + charts.join("\n"));
}

function heatScale(): string {
  const label = (end: number, i: number) => (Number.isFinite(end) ? `to ${end}` : `above ${heatBins[i - 1]}`);
  const swatch = (end: number, i: number) => `<span><i style="background:var(--heat-${i})"></i>${label(end, i)}</span>`;
  return `<div class="scale">${heatBins.map(swatch).join("")}</div>`;
}

function samples(run: RunRecord): string {
  const quotes = run.samples.map(
    ({ prompt, text }) => `<blockquote><b>${escapeHtml(prompt)}</b>${escapeHtml(text)}</blockquote>`,
  );
  const note = "The prompt in bold, the pre-trained model's continuation after it.";
  return section({ title: "Pre-training: what it writes", note }, quotes.join("\n"));
}
