import { labelStyle } from "./chart-line.ts";
import { type ChartOption, renderSvg } from "./render-svg.ts";

/** One of the charts of a drawing. */
export interface Panel {
  readonly title: string;
  readonly subtitle: string;
  /** Over the defaults of all panels, as the charting library takes them. */
  readonly xAxis: object;
  readonly yAxis: object;
  /** Such as `chartLine` gives. */
  readonly series: readonly object[];
}

/** A drawing that is a file of its own. */
export interface PanelDrawing {
  /** Begins the ids inside the file. */
  readonly id: string;
  /** For those who do not see it. */
  readonly title: string;
  /** CSS variables that the panels' colours name, beside `--text` and `--muted`. */
  readonly colours: Readonly<Record<string, readonly [light: string, dark: string]>>;
  /** Two in a row. */
  readonly panels: readonly Panel[];
}

/** CSS pixels. The page that shows the drawing scales it down where it is narrower. */
const [WIDTH, ROW] = [900, 420];

const COLOURS: PanelDrawing["colours"] = {
  "--back": ["#ffffff", "#0d1117"],
  "--text": ["#1f2328", "#e6edf3"],
  "--muted": ["#59636e", "#9198a1"],
  "--rule": ["#d1d9e0", "#3d444d"],
};
const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

const X_AXIS = {
  nameLocation: "middle",
  nameGap: 26,
  nameTextStyle: labelStyle,
  axisLabel: labelStyle,
  axisLine: { lineStyle: { color: "var(--rule)" } },
  axisTick: { show: false },
  minorTick: { show: false },
  splitLine: { show: false },
};
const Y_AXIS = {
  axisLabel: labelStyle,
  axisLine: { show: false },
  axisTick: { show: false },
  minorTick: { show: false },
  splitLine: { lineStyle: { color: "var(--rule)" } },
};

/**
 * Charts side by side as the text of one SVG file. It brings its own background and colours, light and dark, since a page cannot
 * style an image.
 */
export function drawPanels({ id, title, colours, panels }: PanelDrawing): string {
  const svg = renderSvg(id, { width: WIDTH, height: ROW * Math.ceil(panels.length / 2) }, optionOf(panels));
  return `${svg.replace(/(<svg\b[^>]*>)/, `$1\n<title>${title}</title>\n<style>${styleOf(colours)}</style>`)}\n`;
}

function optionOf(panels: readonly Panel[]): ChartOption {
  const places = panels.map((_, i) => {
    return { left: 58 + (i % 2) * 450, top: 84 + Math.floor(i / 2) * ROW, width: 300, height: 286 };
  });
  return {
    animation: false,
    backgroundColor: "var(--back)",
    textStyle: { fontFamily: FONT },
    title: panels.map(({ title, subtitle }, i) => ({
      ...{ left: places[i]!.left - 42, top: places[i]!.top - 72, text: title, subtext: subtitle, itemGap: 6 },
      ...{ textStyle: { color: "var(--text)", fontSize: 15, fontWeight: 600 }, subtextStyle: labelStyle },
    })),
    grid: places,
    xAxis: panels.map(({ xAxis }, gridIndex) => ({ gridIndex, ...X_AXIS, ...xAxis })),
    yAxis: panels.map(({ yAxis }, gridIndex) => ({ gridIndex, ...Y_AXIS, ...yAxis })),
    series: panels.flatMap(({ series }, i) => series.map((one) => ({ ...one, xAxisIndex: i, yAxisIndex: i }))),
  };
}

function styleOf(own: PanelDrawing["colours"]): string {
  const all = Object.entries({ ...COLOURS, ...own });
  const [light, dark] = [0, 1].map((theme) => all.map(([name, pair]) => `${name}:${pair[theme]}`).join(";"));
  return `:root{${light}}@media(prefers-color-scheme:dark){:root{${dark}}}`;
}
