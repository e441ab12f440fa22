import type { Figure, FigureUnit } from "./figure.ts";

/** Columns of the table: heading, width, content. Together 100 characters, so that it fits a terminal and a page. */
const COLUMNS: readonly (readonly [heading: string, width: number, cell: (figure: Figure) => string])[] = [
  ["figure", 37, ({ name }) => name],
  ["value", 9, ({ value, unit }) => (isLarge(value, unit) ? megabytes(value) : digits(value))],
  ["unit", 9, ({ value, unit }) => (isLarge(value, unit) ? "MB" : unit)],
  ["GFLOP/s", 8, ({ gflops, unit }) => (unit === "GFLOP/s" ? "" : digits(gflops))],
  ["GB/s", 7, ({ gbps, unit }) => (unit === "GB/s" ? "" : digits(gbps))],
  ["peak", 6, ({ peakShare }) => (peakShare === undefined ? "" : `${Math.round(peakShare * 100)} %`)],
  ["disp/sub", 10, dispatches],
  ["MB", 8, ({ peakBytes }) => megabytes(peakBytes)],
  ["live", 6, ({ liveBuffers }) => digits(liveBuffers)],
];
const LEFT_ALIGNED = ["figure", "unit"];

/** The table's head: value, rates, share of the measured peak, dispatches and submits a step, peak bytes, live buffers. */
export function figureHeading(): string {
  return row(COLUMNS.map(([heading]) => heading));
}

/** A figure as a line of the table; what is not a number follows on lines of its own. */
export function formatFigure(figure: Figure): string {
  const { firstLosses, parts, note } = figure;
  const losses = firstLosses && `first losses ${firstLosses.map((loss) => loss.toFixed(5)).join(" ")}`;
  const shares =
    parts &&
    `${Object.entries(parts)
      .map(([part, bytes]) => `${part} ${digits(bytes / 1e6)}`)
      .join(", ")} MB`;
  const below = [losses, shares, note].filter((text) => text !== undefined).map((text) => `    ${text}`);
  return [row(COLUMNS.map(([, , cell]) => cell(figure))), ...below].join("\n");
}

/** The table whole. */
export function formatFigures(figures: readonly Figure[]): string {
  return [figureHeading(), ...figures.map(formatFigure)].join("\n");
}

/** Cells end or begin at their column; one that a long name stands in moves to the right. */
function row(cells: readonly string[]): string {
  let line = "";
  let end = 0;
  for (const [i, cell] of cells.entries()) {
    const [heading, width] = COLUMNS[i]!;
    const start = end;
    end += width;
    if (cell === "") continue;
    const text = ` ${cell}`;
    line = LEFT_ALIGNED.includes(heading)
      ? line.padEnd(start) + text
      : line + text.padStart(Math.max(end - line.length, text.length));
  }
  return line.slice(1);
}

function dispatches({ dispatchesPerStep, submitsPerStep }: Figure): string {
  if (dispatchesPerStep === undefined) return "";
  // Several calls may share a submit: a fraction of one each.
  const submits = submitsPerStep === undefined ? "" : `/${Number(submitsPerStep.toFixed(2))}`;
  return `${Number(dispatchesPerStep.toFixed(1))}${submits}`;
}

/** About four figures: 12345 -> `12,345`, 123.45 -> `123.5`, 0.01234 -> `0.0123`. */
function digits(value: number | undefined): string {
  if (value === undefined) return "";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  if (Math.abs(value) >= 100) return value.toFixed(1);
  return Math.abs(value) >= 1 ? value.toFixed(2) : value.toPrecision(3);
}

function isLarge(value: number, unit: FigureUnit): boolean {
  return unit === "bytes" && value >= 1e6;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "" : digits(Number((bytes / 1e6).toFixed(1)));
}
