import type { RunRecord } from "./run-record.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";
import { formatSample } from "./write-samples.ts";

/** The end of a run on the terminal: samples, figures, and last of all where the report is and what to try next. */
export function printResult(
  run: RunRecord,
  links: { readonly report: string; readonly model: string; readonly next: string },
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
    stageLine("time", `${minutes(run.wallSeconds)} in all`),
    stageLine("model", `${links.model} (config.json, model.safetensors, tokenizer.json)`),
    stageLine("report", links.report),
    stageLine("next", links.next),
  ];
  for (const line of lines) terminal.print(line);
}

/** 95.2 -> `1:35` minutes */
function minutes(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}
