import type { NextCommands } from "./next-commands.ts";
import type { RunRecord, StageRecord } from "./run-record.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";
import { formatSample } from "./write-samples.ts";

/** The end of a run on the terminal: samples, figures, and last of all where the report is and what to try next. */
export function printResult(
  run: RunRecord,
  links: { readonly report: string; readonly model: string; readonly next: NextCommands },
  terminal: Terminal,
): void {
  const { validation, baseline, tokens } = run;
  const margin = baseline.lossNats - validation.lossNats;
  const bits = `${validation.bitsPerByte.toFixed(3)} bits per byte`;
  const counted = `counted on the same ${formatCount(baseline.countedTokens)} tokens`;
  const speed = `${formatCount(Math.round(tokens.perSecond))} tokens/s`;
  const lines = [
    ...run.samples.map((sample) => `sample\n${formatSample(sample)}`),
    "",
    stageLine("trained", `${formatCount(tokens.trained)} tokens in ${minutes(run.trainingSeconds)}, ${speed}`),
    stageLine("validation", `${validation.lossNats.toFixed(3)} nats per token, ${bits}`),
    stageLine("baseline", `${baseline.lossNats.toFixed(3)} nats per token: ${baseline.name} ${counted}`),
    stageLine(
      "margin",
      `${Math.abs(margin).toFixed(3)} nats per token ${margin >= 0 ? "below" : "above"} the baseline`,
    ),
    ...run.stages.slice(1).map(stageResult),
    stageLine("time", `${minutes(run.wallSeconds)} in all`),
    stageLine("model", `${links.model} (config, weights, tokenizer, chat template)`),
    stageLine("report", links.report),
    stageLine("next", links.next.train),
    stageLine("chat", links.next.chat),
  ];
  for (const line of lines) terminal.print(line);
}

/** `sft         held-out sums right, most likely reply: 0.000 -> 0.640 (150 held out) in 1:10 min` */
function stageResult({ name, measure, before, after, n, seconds }: StageRecord): string {
  const change = `${before.toFixed(3)} -> ${after.toFixed(3)}`;
  return stageLine(name, `${measure}: ${change} (${formatCount(n)} held out) in ${minutes(seconds)}`);
}

/** 95.2 -> `1:35` minutes */
function minutes(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}
