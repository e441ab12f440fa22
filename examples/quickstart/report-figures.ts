import { count, escapeHtml, nats } from "./report-format.ts";
import { section } from "./report-parts.ts";
import type { RunRecord } from "./run-record.ts";

/** Sizes and settings of the run, and the command that repeats it. */
export function figuresSection(run: RunRecord): string {
  const row = ([name, value]: readonly [string, string]) =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`;
  const command = `<tr><th scope="row">repeat with</th><td><code>${escapeHtml(run.command)}</code></td></tr>`;
  const rows = figureRows(run).map(row).join("");
  return section({ title: "Figures" }, `<table class="facts"><tbody>${rows}${command}</tbody></table>`);
}

function figureRows({ preset, precision, model, tokens, curves, baseline, adapter, startedAt, seed }: RunRecord) {
  return [
    ["preset", preset],
    ["products of linear layers", precision],
    ["layers, width, vocabulary", `${model.numHiddenLayers}, ${model.hiddenSize}, ${count(model.vocabSize)}`],
    ["parameters, of which active", `${count(model.parameters)}, ${count(model.activeParameters)}`],
    ["routed experts, of which active", `${model.nRoutedExperts}, ${model.numExpertsPerTok}`],
    ["optimiser steps of pre-training", count(curves.steps.length)],
    ["training tokens", count(tokens.trained)],
    ["validation tokens", count(tokens.validated)],
    ["tokens that the baseline counted", count(baseline.countedTokens)],
    ["training loss, first and last step", `${nats(curves.train[0])}, ${nats(curves.train.at(-1))}`],
    ["adapter", adapter],
    ["started", startedAt],
    ["seed", String(seed)],
  ] as const;
}

/** Where the text came from, and under which licence. */
export function sourcesSection(run: RunRecord): string {
  const head = `<tr><th>source</th><th>what</th><th>licence</th><th class="number">documents</th><th class="number">MB</th></tr>`;
  const rows = run.sources.map(
    ({ name, origin, licence, documents, bytes }) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(origin)}</td><td>${escapeHtml(licence)}</td>` +
      `<td class="number">${count(documents)}</td><td class="number">${(bytes / 1e6).toFixed(1)}</td></tr>`,
  );
  const table = `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
  return section({ title: "Training text" }, `<div class="scroll">${table}</div>`);
}
