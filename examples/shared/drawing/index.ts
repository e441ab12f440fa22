export { chartLine, labelStyle } from "./chart-line.ts";
export { drawPanels, type Panel, type PanelDrawing } from "./draw-panels.ts";
export { type ChartOption, renderSvg } from "./render-svg.ts";
