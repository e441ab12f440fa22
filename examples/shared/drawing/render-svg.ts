import * as echarts from "echarts";

/** What the charting library is told about one chart. */
export type ChartOption = echarts.EChartsCoreOption;

/**
 * One chart as SVG text, made without a browser. `id` keeps the ids inside it apart from those of a page's other charts; sizes
 * are CSS pixels.
 */
export function renderSvg(
  id: string,
  { width, height }: { readonly width: number; readonly height: number },
  option: ChartOption,
): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(option);
  const text = chart.renderToSVGString();
  chart.dispose();
  // The library marks shapes for a script that is not there, and numbers them by a counter of the whole process.
  return text
    .replaceAll(/ (?:ecmeta_\w+|class)="[^"]*"/g, "")
    .replaceAll(/<style\b.*?<\/style>\s*/gs, "")
    .replaceAll(/\bzr\d+-/g, `${id}-`);
}
