import { BarChart, LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, SVGRenderer]);

/**
 * Drawings as SVG text, made without a browser.
 *
 * Colours are CSS variables of the page, so that one drawing serves light and dark. An SVG scales its text with its width;
 * each drawing is therefore made twice, wide and narrow, and the page shows the one that fits.
 */
type ChartOption = Record<string, unknown>;

const WIDE = 960;
const NARROW = 340;

/** One chart drawn at both widths; `name` keeps the ids inside the SVG apart from those of the page's other charts. */
function draw(
  name: string,
  title: string,
  height: (isNarrow: boolean) => number,
  option: (isNarrow: boolean) => ChartOption,
): string {
  const id = name.replaceAll(/\W+/g, "-");
  const wide = svg(`${id}-wide`, WIDE, height(false), option(false));
  const narrow = svg(`${id}-narrow`, NARROW, height(true), option(true));
  return `<figure role="img" aria-label="${title}"><div class="wide">${wide}</div><div class="narrow">${narrow}</div></figure>`;
}

/** The style of small text beside axes. */
const label = { color: "var(--muted)", fontSize: 12 };

/** One value of a bar chart. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Written at its end. */
  readonly text: string;
  /** A part behind the value, such as what was dropped. */
  readonly rest?: number;
}

/**
 * Bars from left to right, one below the other, the first at the top. Names stand to the left of the bars, on a narrow page
 * above them.
 */
export function drawBars(name: string, title: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map((bar) => bar.name.length));
  const left = Math.min(300, Math.ceil(7.2 * longest) + 16); // measured: the library takes letters for narrower than they are
  const height = (isNarrow: boolean): number => (isNarrow ? 46 : 34) * bars.length + 16;
  return draw(name, title, height, (isNarrow) => ({
    ...plain,
    grid: { left: isNarrow ? 4 : left, right: isNarrow ? 104 : 150, top: isNarrow ? 12 : 4, bottom: 4 },
    xAxis: { type: "value", show: false, min: 0 },
    yAxis: {
      type: "category",
      inverse: true,
      data: bars.map((bar) => bar.name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...label, color: "var(--ink)", ...(isNarrow ? aboveBar : {}) },
      z: 10,
    },
    series: [
      { type: "bar", stack: "all", data: bars.map(({ value }) => value), barWidth: 16, ...colour("--first") },
      {
        type: "bar",
        stack: "all",
        barWidth: 16,
        data: bars.map(({ rest = 0 }) => rest),
        ...colour("--rest"),
        label: { show: true, position: "right", ...label, formatter: ({ dataIndex }: Drawn) => bars[dataIndex]!.text },
      },
    ],
  }));
}

/** What the library tells of a shape it writes a text beside. */
interface Drawn {
  readonly dataIndex: number;
}

const aboveBar = { inside: true, align: "left", verticalAlign: "bottom", margin: 0, padding: [0, 0, 11, 0] };

/** Counts over bins, from left to right. */
export function drawHistogram(
  name: string,
  title: string,
  bins: readonly { readonly from: number; readonly count: number }[],
): string {
  return draw(
    name,
    title,
    () => 230,
    (isNarrow) => ({
      ...plain,
      grid: { left: 52, right: 12, top: 12, bottom: 28 },
      xAxis: {
        type: "category",
        data: bins.map(({ from }) => binName(from)),
        axisLabel: {
          ...label,
          hideOverlap: true,
          interval: isNarrow ? "auto" : Math.max(0, Math.ceil(bins.length / 16) - 1),
        },
        axisLine: { lineStyle: { color: "var(--line)" } },
        axisTick: { show: false },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        splitNumber: 4,
        axisLabel: { ...label, formatter: compact },
        splitLine: { lineStyle: { color: "var(--line)" } },
      },
      series: [{ type: "bar", data: bins.map(({ count }) => count), barCategoryGap: "8%", ...colour("--first") }],
    }),
  );
}

const plain = { animation: false, backgroundColor: "transparent", textStyle: { fontFamily: "inherit" } };

function colour(variable: string): { itemStyle: object } {
  return { itemStyle: { color: `var(${variable})`, borderRadius: 2 } };
}

/** Bins begin at powers of two and half as much again: 1536 -> `1.5k`, 65536 -> `64k`. */
export function binName(from: number): string {
  if (from < 1024) return String(from);
  return from < 2 ** 20 ? `${from / 1024}k` : `${from / 2 ** 20}M`;
}

/** 1500 -> `1.5k` */
export function compact(value: number): string {
  if (value < 1000) return String(value);
  const [scaled, unit] = value < 1e6 ? [value / 1e3, "k"] : value < 1e9 ? [value / 1e6, "M"] : [value / 1e9, "G"];
  return `${scaled < 10 ? Number(scaled.toFixed(1)) : Math.round(scaled)}${unit}`;
}

function svg(id: string, width: number, height: number, option: ChartOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(option);
  const text = chart.renderToSVGString();
  chart.dispose();
  return withoutHover(text).replaceAll(/\bzr\d+-/g, `${id}-`);
}

/** The library marks every shape for a script that is not there, and numbers them by a counter of the whole process. */
function withoutHover(svg: string): string {
  return svg.replaceAll(/ (?:ecmeta_\w+|class)="[^"]*"/g, "").replaceAll(/<style\b.*?<\/style>\s*/gs, "");
}
