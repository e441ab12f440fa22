import * as echarts from "echarts";
import type { Curves, ExpertLoad } from "./run-record.ts";

/**
 * The report's drawings, as SVG text made without a browser.
 *
 * Colours are CSS variables of the page (`var(--train)`), so that one drawing serves light and dark. An SVG scales its text
 * with its width; each drawing is therefore made twice, wide and narrow, and the page shows the one that fits.
 */
export interface Drawing {
  readonly wide: string;
  readonly narrow: string;
}

type ChartOption = echarts.EChartsCoreOption;

const WIDE = 960;
const NARROW = 350;

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
  const eachStep = { ...line(points(steps, train), "--train"), lineStyle: { width: 1, opacity: 0.3 } };
  const validated = validation.map(({ step, lossNats }): [number, number] => [step, lossNats]);
  const ends = points([steps[0] ?? 0, steps.at(-1) ?? 1], [baselineNats, baselineNats]);
  const series = [
    eachStep,
    line(points(steps, movingMean(train)), "--train"),
    line(mtp.length > 0 ? points(steps, movingMean(mtp)) : [], "--mtp"),
    { ...line(ends, "--baseline"), lineStyle: { width: 1.5, type: "dashed" }, ...endLabel("--baseline") },
    { ...line(validated, "--validation"), symbol: "circle", symbolSize: 6, ...endLabel("--validation") },
  ];
  const grid = { left: 44, right: 52, top: 34, bottom: 40 };
  return draw("loss", 400, (width) => ({ ...frame(width, steps, "nats per token"), grid, series }));
}

/** Learning rate over the steps. */
export function learningRateChart(curves: Curves): Drawing {
  return draw("learning-rate", 220, (width) => {
    const { yAxis, ...rest } = frame(width, curves.steps, "learning rate");
    return {
      ...rest,
      yAxis: { ...yAxis, scale: false, axisLabel: { ...yAxis.axisLabel, formatter: exponent } },
      grid: { left: 58, right: 16, top: 34, bottom: 40 },
      series: [line(points(curves.steps, curves.learningRate), "--train")],
    };
  });
}

/** Upper ends of the heat map's bins in multiples of the mean load; the page has one colour, `--heat-i`, for each. */
export const heatBins: readonly number[] = [0.5, 0.75, 0.9, 1.1, 1.33, 2, Number.POSITIVE_INFINITY];

/** Load of each expert over the run, relative to the mean of its layer: a heat map of at most 120 columns. */
export function expertLoadChart(load: ExpertLoad): Drawing {
  const experts = load.loads[0]?.length ?? 0;
  const rowHeight = Math.max(4, Math.min(18, 320 / experts));
  return draw(`load-${load.layer}`, Math.round(experts * rowHeight) + 52, (width) => ({
    ...frame(width, load.steps, ""),
    grid: { left: 44, right: 16, top: 8, bottom: 40 },
    yAxis: expertAxis(experts),
    series: [{ type: "custom", data: heatRuns(load, 120), renderItem: drawRun, silent: true }],
  }));
}

/** Mean over the last `span` values, so that single steps' noise does not hide the course. */
export function movingMean(
  values: readonly number[],
  span: number = Math.max(1, Math.round(values.length / 40)),
): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (i >= span ? values[i - span]! : 0);
    return sum / Math.min(i + 1, span);
  });
}

const base = { animation: false, backgroundColor: "transparent", textStyle: { fontFamily: "inherit" } };
const labelStyle = { color: "var(--muted)", fontSize: 12 };
const middleName = { nameLocation: "middle", nameGap: 26, nameTextStyle: labelStyle } as const;

function frame(width: number, steps: readonly number[], unit: string) {
  return {
    ...base,
    xAxis: {
      type: "value",
      min: steps[0] ?? 0,
      max: steps.at(-1) ?? 1,
      name: "step",
      ...middleName,
      axisLabel: { ...labelStyle, showMinLabel: false, showMaxLabel: false, hideOverlap: true },
      axisLine: { lineStyle: { color: "var(--line)" } },
      axisTick: { show: false },
      splitLine: { show: false },
      splitNumber: width === WIDE ? 8 : 4,
    },
    yAxis: {
      type: "value",
      scale: true,
      name: unit,
      nameTextStyle: { ...labelStyle, align: "left", padding: [0, 0, 0, -38] },
      nameGap: 12,
      axisLabel: labelStyle,
      splitLine: { lineStyle: { color: "var(--line)" } },
    },
  } as const;
}

function line(data: [number, number][], colour: string) {
  const lineStyle = { width: 2 };
  return { type: "line", data, symbol: "none", itemStyle: { color: `var(${colour})` }, lineStyle, sampling: "lttb" };
}

/** The last value, written to the right of the line's end; labels that would touch are moved apart. */
function endLabel(colour: string) {
  const formatter = ({ value }: { value: [number, number] }) => value[1].toFixed(3);
  return {
    endLabel: { show: true, color: `var(${colour})`, fontWeight: "bold", formatter },
    labelLayout: { moveOverlap: "shiftY" },
  };
}

function expertAxis(experts: number) {
  return {
    type: "category",
    data: Array.from({ length: experts }, (_, expert) => String(expert)),
    inverse: true,
    name: "expert",
    ...middleName,
    axisLabel: { ...labelStyle, hideOverlap: true },
    axisLine: { show: false },
    axisTick: { show: false },
  };
}

interface Column {
  readonly from: number;
  readonly to: number;
  /** Index into `heatBins` of each expert's load. */
  readonly bins: readonly number[];
}

/** Sums neighbouring steps, so that a long run still has legible columns. */
function heatColumns({ steps, loads }: ExpertLoad, most: number): Column[] {
  const span = Math.ceil(steps.length / most);
  const columns: Column[] = [];
  for (let first = 0; first < steps.length; first += span) {
    const rows = loads.slice(first, first + span);
    const sums = rows[0]!.map((_, expert) => rows.reduce((sum, row) => sum + row[expert]!, 0));
    const mean = sums.reduce((sum, value) => sum + value, 0) / sums.length || 1;
    const bins = sums.map((value) => heatBins.findIndex((end) => value / mean <= end));
    columns.push({ from: steps[first]!, to: steps[first + span] ?? steps.at(-1)!, bins });
  }
  return columns;
}

/** Neighbouring columns of one expert in the same bin become one rectangle: [from, to, expert, bin]. */
function heatRuns(load: ExpertLoad, most: number): number[][] {
  const columns = heatColumns(load, most);
  const experts = columns[0]?.bins.length ?? 0;
  const runs: number[][] = [];
  for (let expert = 0; expert < experts; expert++) {
    for (const [i, { from, to, bins }] of columns.entries()) {
      if (bins[expert] === columns[i - 1]?.bins[expert]) runs.at(-1)![1] = to;
      else runs.push([from, to, expert, bins[expert]!]);
    }
  }
  return runs;
}

const drawRun: echarts.CustomSeriesRenderItem = (_, api) => {
  const [left, y] = api.coord([api.value(0), api.value(2)]) as [number, number];
  const [right] = api.coord([api.value(1), api.value(2)]) as [number, number];
  const [, height] = api.size!([1, 1]) as [number, number];
  const shape = { x: left, y: y - height / 2, width: right - left, height: Math.max(height - 2, 1) };
  return { type: "rect", shape, style: { fill: `var(--heat-${api.value(3)})` } };
};

function points(xs: readonly number[], ys: readonly number[]): [number, number][] {
  return xs.map((x, i) => [x, ys[i]!]);
}

function exponent(value: number): string {
  return value === 0 ? "0" : value.toExponential(1).replace(".0e", "e").replace("e-", "e−");
}

function draw(name: string, height: number, option: (width: number) => ChartOption): Drawing {
  const id = name.replaceAll(/\W+/g, "-");
  return { wide: svg(`${id}-wide`, WIDE, height, option), narrow: svg(`${id}-narrow`, NARROW, height, option) };
}

function svg(id: string, width: number, height: number, option: (width: number) => ChartOption): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(option(width));
  const text = chart.renderToSVGString();
  chart.dispose();
  return withoutHover(text).replaceAll(/\bzr\d+-/g, `${id}-`);
}

/** The library marks every shape for a script that is not there, and numbers them by a counter of the whole process. */
function withoutHover(svg: string): string {
  return svg.replaceAll(/ (?:ecmeta_\w+|class)="[^"]*"/g, "").replaceAll(/<style\b.*?<\/style>\s*/gs, "");
}
