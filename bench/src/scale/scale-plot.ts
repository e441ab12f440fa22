import { countParameters } from "@ds3/deepseek";
import { chartLine, drawPanels } from "@ds3/example-shared/drawing";
import type { MeasuredPoint } from "./measure-point.ts";
import { LENGTHS, SIZES, TOKENS_PER_STEP } from "./scale-points.ts";

/** Tokens/s and the peak bytes of one sequence over the sequence length, a line a model size, dashed with checkpoints. */
export function drawScale(points: readonly MeasuredPoint[]): string {
  return drawPanels({
    id: "scale",
    title: "Training speed and peak memory by model size and sequence length",
    colours: COLOURS,
    panels: [
      {
        title: "Training speed, tokens/s",
        subtitle: `${TOKENS_PER_STEP} tokens a step; dashed: blocks recomputed`,
        xAxis: { ...LENGTH_AXIS, type: "log", logBase: 2, min: LENGTHS[0] },
        yAxis: { type: "log" },
        series: lines(points, ({ tokensPerSecond }) => tokensPerSecond),
      },
      {
        title: "Peak memory of one sequence, MB",
        subtitle: "weights, gradients and moments included",
        xAxis: { ...LENGTH_AXIS, type: "value", min: 0, interval: 512 },
        yAxis: { type: "value" },
        series: lines(points, ({ sequenceBytes }) => sequenceBytes / 1e6),
      },
    ],
  });
}

const COLOURS = {
  "--size-0": ["#8250df", "#bc8cff"],
  "--size-1": ["#0969da", "#58a6ff"],
  "--size-2": ["#1a7f37", "#3fb950"],
  "--size-3": ["#bc4c00", "#f0883e"],
} as const;
const LENGTH_AXIS = { max: LENGTHS.at(-1), name: "sequence length, tokens" };

/** A line a size; where blocks are recomputed a dashed one, without a label of its own. */
function lines(points: readonly MeasuredPoint[], amountOf: (point: MeasuredPoint) => number): object[] {
  return Object.entries(SIZES).flatMap(([size, config], i) => {
    const label = `${size} ${(countParameters(config).total / 1e6).toFixed(1)}M`;
    const of = (checkpoint: MeasuredPoint["checkpoint"]): [number, number][] =>
      points
        .filter((point) => point.size === size && point.checkpoint === checkpoint)
        .map((point) => [point.length, amountOf(point)]);
    return [
      chartLine(of("none"), `--size-${i}`, { label, dots: 6 }),
      chartLine(of("block"), `--size-${i}`, { label: "", width: 1.5, dashed: true, dots: 4 }),
    ];
  });
}
