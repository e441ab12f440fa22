import { countParameters } from "@ds3/deepseek";
import * as echarts from "echarts";
import type { MeasuredPoint } from "./measure-point.ts";
import { LENGTHS, SIZES, TOKENS_PER_STEP } from "./scale-points.ts";

/** CSS pixels. The page that shows the drawing scales it down where it is narrower. */
const [WIDTH, HEIGHT] = [900, 420];

/**
 * Tokens/s and the peak bytes of one sequence over the sequence length, a line a model size, dashed with checkpoints, as an
 * SVG file. It brings its own background and colours, light and dark, since a page cannot style an image.
 */
export function drawScale(points: readonly MeasuredPoint[]): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption(chartOption(points));
  const svg = chart.renderToSVGString();
  chart.dispose();
  // The library marks shapes for a script that is not there, and numbers them by a counter of the whole process.
  const plain = svg
    .replaceAll(/ (?:ecmeta_\w+|class)="[^"]*"/g, "")
    .replaceAll(/<style\b.*?<\/style>\s*/gs, "")
    .replaceAll(/\bzr\d+-/g, "scale-");
  return `${plain.replace(/(<svg\b[^>]*>)/, `$1\n<title>${TITLE}</title>\n<style>${STYLE}</style>`)}\n`;
}

const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  "--back": ["#ffffff", "#0d1117"],
  "--text": ["#1f2328", "#e6edf3"],
  "--muted": ["#59636e", "#9198a1"],
  "--rule": ["#d1d9e0", "#3d444d"],
  "--size-0": ["#8250df", "#bc8cff"],
  "--size-1": ["#0969da", "#58a6ff"],
  "--size-2": ["#1a7f37", "#3fb950"],
  "--size-3": ["#bc4c00", "#f0883e"],
};
const colours = (theme: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([name, pair]) => `${name}:${pair[theme]}`)
    .join(";");
/** For those who do not see it. */
const TITLE = "Training speed and peak memory by model size and sequence length";
const STYLE = `:root{${colours(0)}}@media(prefers-color-scheme:dark){:root{${colours(1)}}}`;
const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/** One of the two charts side by side. */
interface Panel {
  readonly left: number;
  readonly title: string;
  readonly subtitle: string;
  readonly xAxis: object;
  readonly yAxis: object;
  readonly amountOf: (point: MeasuredPoint) => number;
}

const PANEL = { width: 300, top: 84, bottom: 50 };
const SPEED: Panel = {
  left: 58,
  title: "Training speed, tokens/s",
  subtitle: `${TOKENS_PER_STEP} tokens a step; dashed: blocks recomputed`,
  xAxis: { type: "log", logBase: 2, min: LENGTHS[0] },
  yAxis: { type: "log" },
  amountOf: ({ tokensPerSecond }) => tokensPerSecond,
};
const MEMORY: Panel = {
  left: 508,
  title: "Peak memory of one sequence, MB",
  subtitle: "weights, gradients and moments included",
  xAxis: { type: "value", min: 0, interval: 512 },
  yAxis: { type: "value" },
  amountOf: ({ sequenceBytes }) => sequenceBytes / 1e6,
};

function chartOption(points: readonly MeasuredPoint[]): echarts.EChartsCoreOption {
  const panels = [SPEED, MEMORY];
  return {
    animation: false,
    backgroundColor: "var(--back)",
    textStyle: { fontFamily: FONT },
    title: panels.map(heading),
    grid: panels.map(({ left }) => ({ left, ...PANEL })),
    xAxis: panels.map(({ xAxis }, gridIndex) => ({ gridIndex, ...X_AXIS, ...xAxis })),
    yAxis: panels.map(({ yAxis }, gridIndex) => ({ gridIndex, ...Y_AXIS, ...yAxis })),
    series: panels.flatMap((panel, index) => lines(points, panel, index)),
  };
}

const LABEL = { color: "var(--muted)", fontSize: 12 };
const X_AXIS = {
  max: LENGTHS.at(-1),
  name: "sequence length, tokens",
  nameLocation: "middle",
  nameGap: 26,
  nameTextStyle: LABEL,
  axisLabel: LABEL,
  axisLine: { lineStyle: { color: "var(--rule)" } },
  axisTick: { show: false },
  splitLine: { show: false },
};
const Y_AXIS = {
  axisLabel: LABEL,
  axisLine: { show: false },
  axisTick: { show: false },
  minorTick: { show: false },
  splitLine: { lineStyle: { color: "var(--rule)" } },
};

function heading({ left, title, subtitle }: Panel): object {
  const textStyle = { color: "var(--text)", fontSize: 15, fontWeight: 600 };
  return { left: left - 42, top: 12, text: title, textStyle, subtext: subtitle, subtextStyle: LABEL, itemGap: 6 };
}

/** A line a size; where blocks are recomputed a dashed one, without a label of its own. */
function lines(points: readonly MeasuredPoint[], { amountOf }: Panel, index: number): object[] {
  return Object.entries(SIZES).flatMap(([size, config], i) => {
    const color = `var(--size-${i})`;
    const label = `${size} ${(countParameters(config).total / 1e6).toFixed(1)}M`;
    return (["none", "block"] as const).map((checkpoint) => ({
      type: "line",
      xAxisIndex: index,
      yAxisIndex: index,
      data: points
        .filter((point) => point.size === size && point.checkpoint === checkpoint)
        .map((point) => [point.length, amountOf(point)]),
      symbol: "circle",
      symbolSize: checkpoint === "none" ? 6 : 4,
      itemStyle: { color },
      lineStyle: { color, width: checkpoint === "none" ? 2 : 1.5, type: checkpoint === "none" ? "solid" : "dashed" },
      endLabel: { show: checkpoint === "none", color, fontSize: 12, fontWeight: 600, formatter: label },
      labelLayout: { moveOverlap: "shiftY" },
    }));
  });
}
