import { figuresSection, sourcesSection } from "./report-figures.ts";
import { count, duration, escapeHtml, nats, short, signed, withArticle } from "./report-format.ts";
import { pretrainSections } from "./report-pretrain.ts";
import { hasPostTraining, stageSections, stagesSentence, stageTable } from "./report-stages.ts";
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
<h1>A small DeepSeek-V3, ${hasPostTraining(run.stages) ? "from text to chat" : "pre-trained"}</h1>
${verdict(run)}
${tiles(run)}
${stageTable(run.stages)}
${pretrainSections(run)}
${stageSections(run.stages)}
${figuresSection(run)}
${sourcesSection(run)}
</main>
</body>
</html>
`;
}

function verdict(run: RunRecord): string {
  const margin = run.baseline.lossNats - run.validation.lossNats;
  const side = margin >= 0 ? "below" : "above";
  const pretrained =
    `After ${count(run.tokens.trained)} training tokens the model predicts unseen text at ` +
    `${nats(run.validation.lossNats)} nats per token: ${nats(Math.abs(margin))} ${side} the ` +
    `${nats(run.baseline.lossNats)} of ${withArticle(run.baseline.name)} counted on exactly the same tokens.`;
  if (!hasPostTraining(run.stages)) return paragraph(pretrained);
  return paragraph(pretrained) + paragraph(stagesSentence(run.stages));
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`;
}

function tiles(run: RunRecord): string {
  const training = hasPostTraining(run.stages) ? "pre-training" : "training";
  const entries: [string, string][] = [
    [nats(run.validation.lossNats), "validation loss, nats per token"],
    [signed(run.validation.lossNats - run.baseline.lossNats), `against the ${run.baseline.name}`],
    [run.validation.bitsPerByte.toFixed(3), "bits per byte of validation text"],
    [short(run.model.parameters), `parameters, ${short(run.model.activeParameters)} active`],
    [count(Math.round(run.tokens.perSecond)), `${training} tokens per second`],
    [duration(run.wallSeconds), `in all, ${duration(run.trainingSeconds)} of it ${training}`],
  ];
  const tile = ([value, label]: [string, string]) =>
    `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
  return `<div class="tiles">${entries.map(tile).join("")}</div>`;
}
