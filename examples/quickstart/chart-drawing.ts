import { type ChartOption, labelStyle, renderSvg } from "@ds3/example-shared/drawing";

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

/** Width of a drawing across the whole page, in CSS pixels. */
export const WIDE = 960;

const NARROW = 350;

/** One chart drawn at both widths; `name` keeps the ids inside the SVG apart from those of the page's other charts. */
export function draw(
  name: string,
  { width = WIDE, height }: { readonly width?: number; readonly height: number },
  option: (width: number) => ChartOption,
): Drawing {
  const id = name.replaceAll(/\W+/g, "-");
  const svg = (kind: string, drawn: number): string =>
    renderSvg(`${id}-${kind}`, { width: drawn, height }, option(drawn));
  return { wide: svg("wide", width), narrow: svg("narrow", NARROW) };
}

/** The place of an axis' name: at the middle, outside the labels. */
export const middleName = { nameLocation: "middle", nameGap: 26, nameTextStyle: labelStyle } as const;

/** Axes of a chart over optimiser steps, with the unit of its values above the vertical one. */
export function frame(width: number, steps: readonly number[], unit: string) {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "inherit" },
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
      minInterval: 1,
      splitNumber: Math.min(8, Math.round(width / 88)),
    },
    yAxis: {
      type: "value",
      scale: true,
      name: unit,
      nameTextStyle: { ...labelStyle, align: "left", padding: [0, 0, 0, -38] },
      nameGap: 12,
      axisLabel: labelStyle,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: "var(--line)" } },
    },
  } as const;
}

/** A line in the colour of a CSS variable. */
export function line(data: [number, number][], colour: string) {
  const lineStyle = { width: 2 };
  return { type: "line", data, symbol: "none", itemStyle: { color: `var(${colour})` }, lineStyle, sampling: "lttb" };
}

/** The same values without smoothing, behind the line that has it. */
export function faintLine(data: [number, number][], colour: string) {
  return { ...line(data, colour), lineStyle: { width: 1, opacity: 0.3 } };
}

/** The last value, written to the right of the line's end; labels that would touch are moved apart. */
export function endLabel(colour: string, format: (value: number) => string = (value) => value.toFixed(3)) {
  const formatter = ({ value }: { value: [number, number] }) => format(value[1]);
  return {
    endLabel: { show: true, color: `var(${colour})`, fontWeight: "bold", formatter },
    labelLayout: { moveOverlap: "shiftY" },
  };
}

/** Pairs for a line's data. */
export function points(xs: readonly number[], ys: readonly number[]): [number, number][] {
  return xs.map((x, i) => [x, ys[i]!]);
}

/** 0.000005 -> `5e−6` */
export function exponent(value: number): string {
  return value === 0 ? "0" : value.toExponential(1).replace(".0e", "e").replaceAll("-", "−");
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
