/** A straight line through points, and how straight they are. */
export interface LineFit {
  readonly slope: number;
  readonly intercept: number;
  /** Largest distance of a point from the line, as a share of the point's value. */
  readonly deviation: number;
  /** How much steeper the last segment is than the first, as a share of the line's slope: 0 when straight. */
  readonly bend: number;
}

/** Least squares through at least two points, sorted by x. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): LineFit {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const slope = mean(([x, y]) => (x - meanX) * (y - meanY)) / mean(([x]) => (x - meanX) ** 2);
  const intercept = meanY - slope * meanX;
  const deviation = Math.max(...points.map(([x, y]) => Math.abs(y - intercept - slope * x) / Math.abs(y)));
  const segments = points.slice(1).map(([x, y], i) => (y - points[i]![1]) / (x - points[i]![0]));
  return { slope, intercept, deviation, bend: (segments.at(-1)! - segments[0]!) / slope };
}
