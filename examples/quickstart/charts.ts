import { type Drawing, draw, endLabel, exponent, faintLine, frame, line, movingMean, points } from "./chart-drawing.ts";
import type { Curves } from "./run-record.ts";

/** What the loss chart's lines are called, with the CSS variable of each one's colour. */
export const lossLegend: readonly (readonly [name: string, colour: string])[] = [
  ["training, mean of neighbouring steps (faint: each step)", "--train"],
  ["MTP", "--mtp"],
  ["validation", "--validation"],
  ["baseline on the same validation tokens", "--baseline"],
];

/** Training loss (each step, and its moving mean), MTP loss, validation loss, and the baseline as a line across. */
export function lossChart(curves: Curves, baselineNats: number): Drawing {
  const { steps, train, mtp, validation } = curves;
  const validated = validation.map(({ step, lossNats }): [number, number] => [step, lossNats]);
  const ends = points([steps[0] ?? 0, steps.at(-1) ?? 1], [baselineNats, baselineNats]);
  const series = [
    faintLine(points(steps, train), "--train"),
    line(points(steps, movingMean(train)), "--train"),
    line(mtp.length > 0 ? points(steps, movingMean(mtp)) : [], "--mtp"),
    { ...line(ends, "--baseline"), lineStyle: { width: 1.5, type: "dashed" }, ...endLabel("--baseline") },
    { ...line(validated, "--validation"), symbol: "circle", symbolSize: 6, ...endLabel("--validation") },
  ];
  const grid = { left: 44, right: 52, top: 34, bottom: 40 };
  return draw("loss", { height: 400 }, (width) => ({ ...frame(width, steps, "nats per token"), grid, series }));
}

/** Learning rate over the steps. */
export function learningRateChart(curves: Curves): Drawing {
  return draw("learning-rate", { height: 220 }, (width) => {
    const { yAxis, ...rest } = frame(width, curves.steps, "learning rate");
    return {
      ...rest,
      yAxis: { ...yAxis, scale: false, axisLabel: { ...yAxis.axisLabel, formatter: exponent } },
      grid: { left: 58, right: 16, top: 34, bottom: 40 },
      series: [line(points(curves.steps, curves.learningRate), "--train")],
    };
  });
}
