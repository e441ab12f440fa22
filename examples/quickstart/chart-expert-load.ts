import { labelStyle } from "@ds3/example-shared/drawing";
import type * as echarts from "echarts";
import { type Drawing, draw, frame, middleName } from "./chart-drawing.ts";
import type { ExpertLoad } from "./run-record.ts";

/** Upper ends of the heat map's bins in multiples of the mean load; the page has one colour, `--heat-i`, for each. */
export const heatBins: readonly number[] = [0.5, 0.75, 0.9, 1.1, 1.33, 2, Number.POSITIVE_INFINITY];

/** Load of each expert over the run, relative to the mean of its layer: a heat map of at most 120 columns. */
export function expertLoadChart(load: ExpertLoad): Drawing {
  const experts = load.loads[0]?.length ?? 0;
  const rowHeight = Math.max(4, Math.min(18, 320 / experts));
  return draw(`load-${load.layer}`, { height: Math.round(experts * rowHeight) + 52 }, (width) => ({
    ...frame(width, load.steps, ""),
    grid: { left: 44, right: 16, top: 8, bottom: 40 },
    yAxis: expertAxis(experts),
    series: [{ type: "custom", data: heatRuns(load, 120), renderItem: drawRun, silent: true }],
  }));
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
