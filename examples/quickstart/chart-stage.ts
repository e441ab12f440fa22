import {
  type Drawing,
  draw,
  endLabel,
  exponent,
  faintLine,
  frame,
  line,
  movingMean,
  points,
  WIDE,
} from "./chart-drawing.ts";
import type { StageCurve } from "./run-record.ts";

/** Space between two charts of one row, in CSS pixels; the style sheet has the same. */
const GAP = 24;

/** How many charts of `curves` stand side by side on a wide page. */
export function chartsPerRow(curves: number): 2 | 3 {
  return curves % 3 === 0 ? 3 : 2;
}

/** Steps that the moving mean of a curve goes over; 1, which is no smoothing, for few points or a curve without noise. */
export function smoothingSpan({ values }: StageCurve): number {
  const span = Math.max(1, Math.round(values.length / 20));
  // Noise is what makes a curve's way longer than that of its mean; a schedule's mean would only lag behind it.
  return wayOf(values) > 2 * wayOf(movingMean(values, span)) ? span : 1;
}

function wayOf(values: readonly number[]): number {
  return values.slice(1).reduce((way, value, i) => way + Math.abs(value - values[i]!), 0);
}

/** One curve of a stage: its moving mean with the last value of it, and faintly each step. */
export function stageChart(name: string, curve: StageCurve, perRow: 2 | 3): Drawing {
  const size = { width: Math.round((WIDE - GAP * (perRow - 1)) / perRow), height: 190 };
  const { steps, values } = curve;
  const span = smoothingSpan(curve);
  // A few points, or one, are measurements rather than a course: each is marked.
  const symbol = values.length <= 12 ? { symbol: "circle", symbolSize: 6 } : {};
  const mean = {
    ...line(points(steps, movingMean(values, span)), "--train"),
    ...symbol,
    ...endLabel("--train", brief),
  };
  const series = span > 1 ? [faintLine(points(steps, values), "--train"), mean] : [mean];
  return draw(name, size, (width) => ({
    ...axes(width, curve),
    grid: { left: 52, right: 56, top: 12, bottom: 38 },
    series,
  }));
}

function axes(width: number, { steps, values }: StageCurve) {
  const { xAxis, yAxis, ...rest } = frame(width, steps, "");
  const tiny = Math.max(...values.map(Math.abs)) < 1e-3;
  const axisLabel = { ...yAxis.axisLabel, hideOverlap: true, ...(tiny ? { formatter: exponent } : {}) };
  return { ...rest, xAxis, yAxis: { ...yAxis, splitNumber: 4, axisLabel } };
}

/** Three figures: 0.0123 -> `0.0123`, 12345 -> `12,345`, 0.000005 -> `5e−6`. */
function brief(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 1e-3) return exponent(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3).replace("-", "−");
}
