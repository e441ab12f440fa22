import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { countParameters } from "@ds3/deepseek";
import type { Figure } from "../figure.ts";
import { trainingFlops } from "../mini.ts";
import { selectByName } from "../select-by-name.ts";
import { fitLine } from "./line-fit.ts";
import type { MeasuredPoint, PointCost } from "./measure-point.ts";
import { type PointResult, runPoint } from "./run-point.ts";
import { drawScale } from "./scale-plot.ts";
import { LENGTHS, pointName, type ScalePoint, SIZES, scalePoints, TOKENS_PER_STEP } from "./scale-points.ts";

/** Where a whole run draws. */
const PLOT = resolve(import.meta.dirname, "../../../docs/scale.svg");
/** Memory counts as linear when the last doubling of the sequence is steeper than the first by less than this share. */
const MAX_BEND = 0.1;

/** Which points to measure, where to draw them, and who hears of what is not a figure. */
export interface ScaleOptions {
  readonly only: string;
  readonly plot?: string;
  readonly onNote: (line: string) => void;
  readonly onProblem: (line: string) => void;
  /** Measures one point. Default: in a process of its own. */
  readonly measure?: (point: ScalePoint) => Promise<PointResult>;
}

/**
 * Training speed and memory by model size and sequence length: two figures a point, tokens/s and the peak bytes of one
 * sequence, then the bytes that a token takes, by size. A point that the adapter refuses is noted,
 * one whose process dies is a problem; the rest goes on.
 */
export async function* benchScale(options: ScaleOptions): AsyncGenerator<Figure> {
  const { only, plot, onNote, onProblem, measure = runPoint } = options;
  const cases = selectByName(
    scalePoints().map((point) => ({ point, name: pointName(point) })),
    only,
  );
  onNote(`training steps of ${TOKENS_PER_STEP} tokens; ".sequence": peak bytes of a step of one sequence`);
  const measured: MeasuredPoint[] = [];
  for (const { point, name } of cases) {
    const result = await measure(point);
    if ("refusal" in result) onNote(`${name}: ${result.refusal}`);
    else if ("failure" in result) onProblem(`${name}: ${result.failure}`);
    else {
      measured.push({ ...point, ...result.cost });
      yield* pointFigures(name, point, result.cost);
    }
  }
  yield* fitFigures(measured, onProblem);
  const file = plot ?? (only === "" ? PLOT : undefined);
  if (file === undefined || measured.length === 0) return;
  await writeFile(file, drawScale(measured));
  onNote(`drawn: ${file}`);
}

function pointFigures(name: string, { size, length }: ScalePoint, cost: PointCost): Figure[] {
  const { adapter, tokensPerSecond, steps, seconds, peakBytes, sequenceBytes, cpuFallbacks } = cost;
  const gflops = (tokensPerSecond * trainingFlops(SIZES[size]!, length)) / 1e9;
  const base = { adapter, cpuFallbacks };
  const speed = { value: tokensPerSecond, unit: "tokens/s", gflops, steps, wallSeconds: seconds, peakBytes } as const;
  return [
    { name, ...base, ...speed },
    { name: `${name}.sequence`, ...base, value: sequenceBytes, unit: "bytes" },
  ];
}

/** Bytes a token, by size: the slope of one sequence's peak over its length, where all lengths were measured. */
function* fitFigures(measured: readonly MeasuredPoint[], onProblem: (line: string) => void): Generator<Figure> {
  for (const { size, checkpoint, adapter } of measured.filter(({ length }) => length === LENGTHS[0])) {
    const own = measured.filter((point) => point.size === size && point.checkpoint === checkpoint);
    if (own.length < LENGTHS.length) continue;
    const { slope, intercept, deviation, bend } = fitLine(own.map((point) => [point.length, point.sequenceBytes]));
    const name = `scale.${size}.bytes-per-token${checkpoint === "block" ? ".checkpoint" : ""}`;
    const fixed = `${(intercept / 1e6).toFixed(1)} MB beside, ${countParameters(SIZES[size]!).total} parameters`;
    const shape = `line within ${percent(deviation)}, last doubling steeper than the first by ${percent(bend)}`;
    yield { name, value: slope, unit: "bytes", adapter, note: `${fixed}; ${shape}` };
    if (bend >= MAX_BEND) onProblem(`${name}: memory is not linear in the sequence length: ${shape}`);
  }
}

function percent(share: number): string {
  // No minus in front of what rounds to zero.
  return `${(Math.round(share * 1000) / 10 + 0).toFixed(1)} %`;
}
