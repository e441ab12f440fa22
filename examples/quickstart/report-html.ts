import { type Drawing, expertLoadChart, heatBins, learningRateChart, lossChart, lossLegend } from "./charts.ts";
import { reportStyle } from "./report-style.ts";
import type { RunRecord } from "./run-record.ts";

/** The whole report as one HTML page: style and drawings inside, no script, nothing fetched. */
export function reportHtml(run: RunRecord): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ds3 quickstart: ${escapeHtml(run.preset)}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
<h1>A small DeepSeek-V3, pre-trained</h1>
<p>${verdict(run)}</p>
${tiles(run)}
${losses(run)}
${learningRate(run)}
${expertLoads(run)}
${samples(run)}
${figures(run)}
${sources(run)}
</main>
</body>
</html>
`;
}

function verdict(run: RunRecord): string {
  const margin = run.baseline.lossNats - run.validation.lossNats;
  const side = margin >= 0 ? "below" : "above";
  return escapeHtml(
    `After ${count(run.tokens.trained)} training tokens the model predicts unseen text at ` +
      `${nats(run.validation.lossNats)} nats per token: ${nats(Math.abs(margin))} ${side} the ` +
      `${nats(run.baseline.lossNats)} of ${article(run.baseline.name)} counted on exactly the same tokens.`,
  );
}

function tiles(run: RunRecord): string {
  const entries: [string, string][] = [
    [nats(run.validation.lossNats), "validation loss, nats per token"],
    [signed(run.validation.lossNats - run.baseline.lossNats), `against the ${run.baseline.name}`],
    [run.validation.bitsPerByte.toFixed(3), "bits per byte of validation text"],
    [short(run.model.parameters), `parameters, ${short(run.model.activeParameters)} active`],
    [count(Math.round(run.tokens.perSecond)), "training tokens per second"],
    [duration(run.wallSeconds), `in all, ${duration(run.trainingSeconds)} of it training`],
  ];
  const tile = ([value, label]: [string, string]) =>
    `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
  return `<div class="tiles">${entries.map(tile).join("")}</div>`;
}

function losses(run: RunRecord): string {
  return section(
    "Loss",
    "Training loss is that of the main head. MTP is the loss of its prediction one token further, before its weight: it " +
      "knows the token between and is a layer deeper, so it may lie below.",
    lossKey(run) +
      figure(
        lossChart(run.curves, run.baseline.lossNats),
        "Curves of training, MTP and validation loss over the steps",
      ),
  );
}

function learningRate(run: RunRecord): string {
  const drawing = figure(learningRateChart(run.curves), "Curve of the learning rate over the steps");
  return section("Learning rate", "", drawing);
}

function expertLoads(run: RunRecord): string {
  if (run.expertLoads.length === 0) return "";
  const charts = run.expertLoads.map(
    (load) =>
      `<h3>${escapeHtml(load.layer)}</h3>${figure(expertLoadChart(load), `Load of each expert of ${load.layer} over the steps`)}`,
  );
  return section(
    "Expert load",
    "Tokens sent to each routed expert, as a multiple of the layer's mean. Even colour means balanced experts.",
    heatScale() + charts.join("\n"),
  );
}

function lossKey(run: RunRecord): string {
  const drawn = lossLegend.filter(([, colour]) => colour !== "--mtp" || run.curves.mtp.length > 0);
  const key = ([name, colour]: readonly [string, string]) =>
    `<span><i class="stroke" style="background:var(${colour})"></i>${escapeHtml(name)}</span>`;
  return `<div class="scale">${drawn.map(key).join("")}</div>`;
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
  return section("What it writes", "The prompt in bold, the model's continuation after it.", quotes.join("\n"));
}

function figures(run: RunRecord): string {
  const { model, tokens, curves } = run;
  const rows: [string, string][] = [
    ["preset", run.preset],
    ["layers, width, vocabulary", `${model.numHiddenLayers}, ${model.hiddenSize}, ${count(model.vocabSize)}`],
    ["parameters, of which active", `${count(model.parameters)}, ${count(model.activeParameters)}`],
    ["routed experts, of which active", `${model.nRoutedExperts}, ${model.numExpertsPerTok}`],
    ["optimiser steps", count(curves.steps.length)],
    ["training tokens", count(tokens.trained)],
    ["validation tokens", count(tokens.validated)],
    ["tokens that the baseline counted", count(run.baseline.countedTokens)],
    ["training loss, first and last step", `${nats(curves.train[0])}, ${nats(curves.train.at(-1))}`],
    ["adapter", run.adapter],
    ["started", run.startedAt],
    ["seed", String(run.seed)],
  ];
  const row = ([name, value]: [string, string]) =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`;
  const command = `<tr><th scope="row">repeat with</th><td><code>${escapeHtml(run.command)}</code></td></tr>`;
  return section("Figures", "", `<table><tbody>${rows.map(row).join("")}${command}</tbody></table>`);
}

function sources(run: RunRecord): string {
  const head = `<tr><th>source</th><th>what</th><th>licence</th><th class="number">documents</th><th class="number">MB</th></tr>`;
  const rows = run.sources.map(
    ({ name, origin, licence, documents, bytes }) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(origin)}</td><td>${escapeHtml(licence)}</td>` +
      `<td class="number">${count(documents)}</td><td class="number">${(bytes / 1e6).toFixed(1)}</td></tr>`,
  );
  const table = `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
  return section("Training text", "", `<div class="scroll">${table}</div>`);
}

function section(title: string, note: string, body: string): string {
  const explanation = note === "" ? "" : `<p class="note">${escapeHtml(note)}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2>${explanation}${body}</section>`;
}

function figure({ wide, narrow }: Drawing, description: string): string {
  const draw = (name: string, svg: string) =>
    `<div class="${name}" role="img" aria-label="${escapeHtml(description)}">${svg}</div>`;
  return draw("wide", wide) + draw("narrow", narrow);
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}

function article(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}

function nats(value: number | undefined): string {
  return value === undefined ? "none" : value.toFixed(3);
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Three figures: 612 K, 1.24 M. */
function short(value: number): string {
  const [unit, name] = value >= 1e6 ? [1e6, " M"] : [1e3, " K"];
  return value < 1e3 ? count(value) : `${(value / unit).toPrecision(3)}${name}`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}
