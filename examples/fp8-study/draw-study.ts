import * as echarts from "echarts";
import { CLAIM, smooth } from "./loss-error.ts";
import type { Comparison, StudyResults } from "./results.ts";

/** CSS pixels. The page that shows the drawing scales it down where it is narrower. */
const [WIDTH, HEIGHT] = [900, 1170];

/**
 * The study as an SVG file: losses and their relative errors in both protocols, what outliers do to scales, and what promotion
 * does to sums.
 * It brings its own background and colours, light and dark, since a page cannot style an image.
 */
export function drawStudy(results: StudyResults): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption(chartOption(results));
  const svg = chart.renderToSVGString();
  chart.dispose();
  // The library marks shapes for a script that is not there, and numbers them by a counter of the whole process.
  const plain = svg
    .replaceAll(/ (?:ecmeta_\w+|class)="[^"]*"/g, "")
    .replaceAll(/<style\b.*?<\/style>\s*/gs, "")
    .replaceAll(/\bzr\d+-/g, "fp8-study-");
  return `${plain.replace(/(<svg\b[^>]*>)/, `$1\n<title>${TITLE}</title>\n<style>${STYLE}</style>`)}\n`;
}

const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  "--back": ["#ffffff", "#0d1117"],
  "--text": ["#1f2328", "#e6edf3"],
  "--muted": ["#59636e", "#9198a1"],
  "--rule": ["#d1d9e0", "#3d444d"],
  "--shade": ["#eef1f4", "#161b22"],
  "--line-0": ["#0969da", "#58a6ff"],
  "--line-1": ["#bc4c00", "#f0883e"],
  "--line-2": ["#1a7f37", "#3fb950"],
  "--claim": ["#cf222e33", "#ff7b7240"],
};
const colours = (theme: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([name, pair]) => `${name}:${pair[theme]}`)
    .join(";");
/** For those who do not see it. */
const TITLE =
  "FP8 against f32, from scratch and continued: losses, their relative error; planted outliers; sums with and without promotion";
const STYLE = `:root{${colours(0)}}@media(prefers-color-scheme:dark){:root{${colours(1)}}}`;
const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/** One of the charts. */
interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly xAxis: object;
  readonly yAxis: object;
  readonly series: readonly object[];
}

const LABEL = { color: "var(--muted)", fontSize: 12 };
const X_AXIS = {
  nameLocation: "middle",
  nameGap: 28,
  nameTextStyle: LABEL,
  axisLabel: LABEL,
  axisLine: { lineStyle: { color: "var(--rule)" } },
  axisTick: { show: false },
  minorTick: { show: false },
  splitLine: { show: false },
};
const Y_AXIS = {
  axisLabel: LABEL,
  axisLine: { show: false },
  axisTick: { show: false },
  minorTick: { show: false },
  splitLine: { lineStyle: { color: "var(--rule)" } },
};

function chartOption(results: StudyResults): echarts.EChartsCoreOption {
  const courses = coursesOf(results).flatMap((course) => [lossPanel(course), errorPanel(course)]);
  const panels = [...courses, plantedPanel(results), promotionPanel(results)];
  const place = (i: number) => ({
    left: 52 + (i % 2) * 452,
    top: 76 + Math.floor(i / 2) * 390,
    width: 326,
    height: 250,
  });
  return {
    animation: false,
    backgroundColor: "var(--back)",
    textStyle: { fontFamily: FONT },
    title: panels.map(({ title, subtitle }, i) => ({
      ...{ left: place(i).left - 42, top: place(i).top - 66, text: title, subtext: subtitle, itemGap: 6 },
      ...{ textStyle: { color: "var(--text)", fontSize: 15, fontWeight: 600 }, subtextStyle: LABEL },
    })),
    grid: panels.map((_, i) => place(i)),
    xAxis: panels.map(({ xAxis }, gridIndex) => ({ gridIndex, ...X_AXIS, ...xAxis })),
    yAxis: panels.map(({ yAxis }, gridIndex) => ({ gridIndex, ...Y_AXIS, ...yAxis })),
    series: panels.flatMap(({ series }, i) => series.map((one) => ({ ...one, xAxisIndex: i, yAxisIndex: i }))),
  };
}

/** Runs of one protocol. */
interface Course {
  /** In the titles. */
  readonly what: string;
  readonly controlled: string;
  readonly steps: number;
  readonly pairs: readonly Comparison[];
  readonly controls: readonly Comparison[];
}

function coursesOf({ plan: { steps }, pairs, controls, continued }: StudyResults): readonly Course[] {
  return [
    { what: "from scratch", controlled: "f32, last bits off", steps, pairs, controls },
    { what: "continued", controlled: "bf16", steps, ...continued },
  ];
}

function lossPanel({ what, steps, pairs }: Course): Panel {
  return {
    title: `Loss ${what}, nats a token`,
    subtitle: "smoothed, three seeds; f32 solid, FP8 dashed over it",
    xAxis: { type: "value", min: 0, max: steps, name: "step" },
    yAxis: { type: "value", scale: true },
    series: pairs.flatMap(({ base, other }, i) => [
      line(sampled(smooth(base.losses), steps), "--line-0", { width: 2.5, label: i === 0 ? "f32" : "" }),
      line(sampled(smooth(other.losses), steps), "--line-1", {
        width: 1.2,
        dashed: true,
        label: i === 0 ? "FP8" : "",
      }),
    ]),
  };
}

/** Signed, so that runs which cross are not drawn as spikes; the claim is a band. */
function errorPanel({ what, controlled, steps, pairs, controls }: Course): Panel {
  const curve = ({ error }: Comparison): [number, number][] =>
    sampled(error.signed, steps).map(([step, value]) => [step, value * 100]);
  const from = steps - Math.floor(steps / 3);
  const area = (corners: readonly object[], colour: string): object => ({
    ...line([], colour, { label: "" }),
    markArea: { silent: true, itemStyle: { color: `var(${colour})` }, data: [corners] },
  });
  const claim = CLAIM * 100;
  const [thin, thick] = [controls.map(curve), pairs.map(curve)];
  const heights = [...thin, ...thick].flat().map(([, error]) => error);
  return {
    title: `Error of FP8's smoothed loss ${what}, %`,
    subtitle: `grey: last third; band: 0.25 %; thin: ${controlled} against f32`,
    xAxis: { type: "value", min: 0, max: steps, name: "step" },
    yAxis: {
      type: "value",
      min: Math.floor(lowest(heights, -1)),
      max: Math.ceil(
        -lowest(
          heights.map((y) => -y),
          -1,
        ),
      ),
    },
    series: [
      area([{ xAxis: from }, { xAxis: steps }], "--shade"),
      area([{ yAxis: -claim }, { yAxis: claim }], "--claim"),
      ...thin.map((points) => line(points, "--muted", { width: 0.8, label: "" })),
      ...thick.map((points, i) => {
        return line(points, `--line-${i % 3}`, { width: 1.2, label: `seed ${pairs[i]!.run.seed}` });
      }),
    ],
  };
}

function lowest(values: readonly number[], atMost: number): number {
  return values.reduce((least, value) => Math.min(least, value), atMost);
}

function plantedPanel({ planted }: StudyResults): Panel {
  const curve = (kind: "tile" | "tensor"): [number, number][] =>
    (planted?.losses ?? []).map((one) => [Math.log2(one.factor), Math.abs(one[kind] / planted!.f32 - 1) * 100]);
  return {
    title: "Held-out loss with planted outliers, error in %",
    subtitle: "trained weights in FP8, a scale per tile or per tensor",
    xAxis: { type: "value", min: 0, max: 18, name: "log2 s" },
    yAxis: { type: "log" },
    series: [
      line(curve("tensor"), "--line-1", { label: "per tensor", dots: true }),
      line(curve("tile"), "--line-0", { label: "per tile", dots: true }),
    ],
  };
}

function promotionPanel({ promotion = [] }: StudyResults): Panel {
  const curve = (operands: "normal" | "uniform", isPromoted: boolean): [number, number][] =>
    promotion
      .filter((one) => one.operands === operands && one.isPromoted === isPromoted)
      .map(({ depth, worst }) => [depth, worst * 100]);
  return {
    title: "Worst error of a sum in 14 bits, %",
    subtitle: "solid: never promoted; dashed: to f32 every 128 of K",
    xAxis: { type: "log", logBase: 2, min: 256, max: 4096, name: "K" },
    yAxis: { type: "log" },
    series: (["uniform", "normal"] as const).flatMap((operands, i) => [
      line(curve(operands, false), `--line-${i}`, { label: operands, dots: true }),
      line(curve(operands, true), `--line-${i}`, { label: "", dots: true, dashed: true }),
    ]),
  };
}

interface LineStyle {
  /** At the line's end; `""`: none. */
  readonly label: string;
  readonly width?: number;
  readonly dashed?: boolean;
  readonly dots?: boolean;
}

function line(data: readonly [number, number][], colour: string, style: LineStyle): object {
  const { label, width = 2, dashed = false, dots = false } = style;
  const color = `var(${colour})`;
  return {
    type: "line",
    data,
    clip: true,
    symbol: dots ? "circle" : "none",
    symbolSize: 5,
    itemStyle: { color },
    lineStyle: { color, width, type: dashed ? "dashed" : "solid" },
    endLabel: { show: label !== "", color, fontSize: 12, fontWeight: 600, formatter: label },
    labelLayout: { moveOverlap: "shiftY" },
  };
}

/** At most 400 points of values from step 1, the last one included. */
function sampled(values: readonly number[], steps: number): [number, number][] {
  const every = Math.max(1, Math.ceil(steps / 400));
  return values.flatMap((value, i): [number, number][] =>
    (i + 1) % every === 0 || i === values.length - 1 ? [[i + 1, value]] : [],
  );
}
