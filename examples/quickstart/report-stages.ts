import { chartsPerRow, smoothingSpan, stageChart } from "./chart-stage.ts";
import { count, duration, escapeHtml, inUnit } from "./report-format.ts";
import { figure, section, strokeKey } from "./report-parts.ts";
import type { StageConversation, StageCurve, StageRecord } from "./run-record.ts";

interface StageWords {
  readonly title: string;
  /** In running text. */
  readonly short: string;
  /** What `n` counts. */
  readonly items: string;
  readonly note: string;
}

const wordsOf: Readonly<Record<StageRecord["name"], StageWords>> = {
  pretrain: { title: "Pre-training", short: "pre-training", items: "tokens", note: "" },
  sft: {
    title: "Supervised fine-tuning (SFT)",
    short: "SFT",
    items: "problems",
    note: "Example conversations teach the model to answer; only the assistant's tokens count in the loss.",
  },
  dpo: {
    title: "Preference training (DPO)",
    short: "DPO",
    items: "pairs",
    note: "Pairs of a preferred and a rejected answer teach the model to tell them apart, measured against itself before the stage.",
  },
  grpo: {
    title: "Reinforcement learning (GRPO)",
    short: "GRPO",
    items: "sampled answers",
    note: "The model answers each prompt several times; answers with more reward than their group's mean become more likely.",
  },
};

/** Whether the run went on after pre-training. */
export function hasPostTraining(stages: readonly StageRecord[]): boolean {
  return stages.some(({ name }) => name !== "pretrain");
}

/** The stages after pre-training in one sentence of plain text. */
export function stagesSentence(stages: readonly StageRecord[]): string {
  const later = stages.filter(({ name }) => name !== "pretrain");
  const moves = later.map(
    ({ name, measure, before, after, unit }) =>
      `${wordsOf[name].short} took “${measure}” from ${inUnit(before, unit)} to ${inUnit(after, unit)}`,
  );
  return `Post-training followed: on held-out data, ${joined(moves)}.`;
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** One row a stage; on a narrow page what is measured, n and time stand below the stage's name. */
export function stageTable(stages: readonly StageRecord[]): string {
  if (stages.length === 0) return "";
  const head =
    `<tr><th>stage</th><th class="wide">what is measured</th><th class="number">before</th><th class="number">after</th>` +
    `<th class="number wide">measured on</th><th class="number wide">time</th></tr>`;
  const table = `<table class="stages"><thead>${head}</thead><tbody>${stages.map(stageRow).join("")}</tbody></table>`;
  const measured =
    "Measured on held-out data before and after. Less is better for losses, more for shares and rewards.";
  const [title, note] =
    stages.length === 1
      ? ["The stage", "Measured on held-out data before and after."]
      : ["The stages", `Each goes on from the model of the one before. ${measured}`];
  return section({ title, note }, table);
}

function stageRow({ name, measure, before, after, unit, n, seconds }: StageRecord): string {
  const items = `${count(n)} ${wordsOf[name].items}`;
  const below = `<span class="narrow">${escapeHtml(measure)}<br>${items}, ${duration(seconds)}</span>`;
  return (
    `<tr><th scope="row"><a href="#${name}">${wordsOf[name].title}</a>${below}</th>` +
    `<td class="wide">${escapeHtml(measure)}</td>` +
    `<td class="number">${inUnit(before, unit)}</td><td class="number"><b>${inUnit(after, unit)}</b></td>` +
    `<td class="number wide">${items}</td><td class="number wide">${duration(seconds)}</td></tr>`
  );
}

/** Curves and conversations of every stage after pre-training. */
export function stageSections(stages: readonly StageRecord[]): string {
  return stages
    .filter(({ name }) => name !== "pretrain")
    .map(stageSection)
    .join("\n");
}

function stageSection(stage: StageRecord): string {
  const { title, note } = wordsOf[stage.name];
  return section({ id: stage.name, title, note }, curves(stage) + conversations(stage));
}

function curves({ name, curves }: StageRecord): string {
  const drawn = curves.filter(({ values }) => values.length > 0);
  if (drawn.length === 0) return "";
  const perRow = chartsPerRow(drawn.length);
  const one = (curve: StageCurve, i: number) => {
    const drawing = stageChart(`${name}-${i}`, curve, perRow);
    const description = `${curve.label} over the steps of ${wordsOf[name].short}`;
    return `<div><h3>${escapeHtml(curve.label)}</h3>${figure(drawing, description)}</div>`;
  };
  const smooth = drawn.some((curve) => smoothingSpan(curve) > 1);
  const key = smooth ? strokeKey([["mean of the last steps (faint: each step)", "--train"]]) : "";
  return `${key}<div class="curves row-of-${perRow}">${drawn.map(one).join("")}</div>`;
}

function conversations({ name, conversations }: StageRecord): string {
  if (conversations.length === 0) return "";
  const { short } = wordsOf[name];
  return `<h3>The same prompts before and after ${short}</h3>${conversations.map((talk) => conversation(talk, short)).join("\n")}`;
}

function conversation({ prompt, before, after }: StageConversation, stage: string): string {
  return (
    `<div class="talk"><div class="prompt"><span>prompt</span><p>${escapeHtml(prompt)}</p></div>` +
    `${reply(`before ${stage}`, before)}${reply(`after ${stage}`, after)}</div>`
  );
}

function reply(label: string, text: string): string {
  const shown = text.trim() === "" ? `<p class="none">(no text)</p>` : `<p>${escapeHtml(text.trim())}</p>`;
  return `<div><span>${label}</span>${shown}</div>`;
}
