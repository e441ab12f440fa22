/** The style of small text beside axes. */
export const labelStyle = { color: "var(--muted)", fontSize: 12 } as const;

/** How a line looks. */
export interface LineStyle {
  /** At the line's end; `""`: none. */
  readonly label: string;
  /** CSS pixels. Default: 2. */
  readonly width?: number;
  readonly dashed?: boolean;
  /** Diameter of a dot at each point. Default: none. */
  readonly dots?: number;
}

/** A line in the colour of a CSS variable; labels that would touch are moved apart. */
export function chartLine(data: readonly (readonly [number, number])[], colour: string, style: LineStyle): object {
  const { label, width = 2, dashed = false, dots = 0 } = style;
  const color = `var(${colour})`;
  return {
    type: "line",
    data,
    symbol: dots > 0 ? "circle" : "none",
    symbolSize: dots,
    itemStyle: { color },
    lineStyle: { color, width, type: dashed ? "dashed" : "solid" },
    endLabel: { show: label !== "", color, fontSize: 12, fontWeight: 600, formatter: label },
    labelLayout: { moveOverlap: "shiftY" },
  };
}
