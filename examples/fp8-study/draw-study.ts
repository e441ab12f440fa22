import { chartLine, drawPanels, type Panel } from "@ds3/example-shared/drawing";
import { CLAIM, meanOf } from "./loss-error.ts";
import type { Comparison, StudyResults } from "./results.ts";

/**
 * The study as an SVG file: losses and their relative errors in both protocols, what outliers do to scales, and what promotion
 * does to sums.
 */
export function drawStudy(results: StudyResults): string {
  const courses = coursesOf(results).flatMap((course) => [lossPanel(course), errorPanel(course)]);
  return drawPanels({
    id: "fp8-study",
    title: TITLE,
    colours: COLOURS,
    panels: [...courses, plantedPanel(results), promotionPanel(results)],
  });
}

const TITLE =
  "FP8 against f32, from scratch and continued: losses, their relative error; planted outliers; sums with and without promotion";
const COLOURS = {
  "--shade": ["#eef1f4", "#161b22"],
  "--line-0": ["#0969da", "#58a6ff"],
  "--line-1": ["#bc4c00", "#f0883e"],
  "--line-2": ["#1a7f37", "#3fb950"],
  "--claim": ["#cf222e33", "#ff7b7240"],
} as const;

/** Runs of one protocol. */
interface Course {
  /** In the titles. */
  readonly what: string;
  /** What the thin lines are. */
  readonly controlled: string;
  readonly steps: number;
  readonly pairs: readonly Comparison[];
  readonly controls: readonly Comparison[];
}

function coursesOf({ plan: { steps }, scratch, continued, repeats }: StudyResults): readonly Course[] {
  const { pairs, controls } = scratch;
  return [
    { what: "from scratch", controlled: "bf16, and f32 again", steps, pairs, controls: [...controls, ...repeats] },
    { what: "continued", controlled: "bf16", steps, ...continued },
  ];
}

function lossPanel({ what, steps, pairs }: Course): Panel {
  return {
    title: `Loss ${what}, nats a token`,
    subtitle: `means of ${windowOf(steps)} steps, each seed; f32 solid, FP8 dashed over it`,
    xAxis: { type: "value", min: 0, max: steps, name: "step" },
    yAxis: { type: "value", scale: true },
    series: pairs.flatMap(({ base, other }, i) => [
      chartLine(windowMeans(base.losses, steps), "--line-0", { width: 2.5, label: i === 0 ? "f32" : "" }),
      chartLine(windowMeans(other.losses, steps), "--line-1", {
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
    ...chartLine([], colour, { label: "" }),
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
      ...thin.map((points) => chartLine(points, "--muted", { width: 0.8, label: "" })),
      ...thick.map((points, i) => {
        return chartLine(points, `--line-${i % 3}`, { width: 1.2, label: `seed ${pairs[i]!.run.seed}` });
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
      chartLine(curve("tensor"), "--line-1", { label: "per tensor", dots: 5 }),
      chartLine(curve("tile"), "--line-0", { label: "per tile", dots: 5 }),
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
      chartLine(curve(operands, false), `--line-${i}`, { label: operands, dots: 5 }),
      chartLine(curve(operands, true), `--line-${i}`, { label: "", dots: 5, dashed: true }),
    ]),
  };
}

/** At most 400 points of values from step 1, the last one included. */
function sampled(values: readonly number[], steps: number): [number, number][] {
  const every = Math.max(1, Math.ceil(steps / 400));
  return values.flatMap((value, i): [number, number][] =>
    (i + 1) % every === 0 || i === values.length - 1 ? [[i + 1, value]] : [],
  );
}

/** Steps of a point of the loss: batches differ by more than runs do. */
function windowOf(steps: number): number {
  return Math.max(1, Math.round(steps / 40));
}

/** The mean loss of each whole window, at its last step. */
function windowMeans(losses: readonly number[], steps: number): [number, number][] {
  const span = windowOf(steps);
  return Array.from({ length: Math.floor(losses.length / span) }, (_, i): [number, number] => {
    return [(i + 1) * span, meanOf(losses.slice(i * span, (i + 1) * span))];
  });
}
