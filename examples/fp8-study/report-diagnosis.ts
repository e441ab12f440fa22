import { CLAIM } from "./loss-error.ts";
import { listed, paragraph, percent, signedPercent, table } from "./report-format.ts";
import type { Departure, StudyResults } from "./results.ts";
import { windowStarts } from "./window-errors.ts";

/** When the runs of one seed leave the f32 run's course, FP8 or not. */
export function diagnosisSection({ plan, diagnosis }: StudyResults): string[] {
  if (diagnosis.length === 0) return [];
  const starts = windowStarts(plan.diagnosisSteps);
  const names = starts.map((start, i) => `${start + 1} to ${starts[i + 1] ?? plan.diagnosisSteps}`);
  const rows = diagnosis.map(({ run, windows }) => [run.name, ...windows.map(signedPercent)]);
  return [
    ...table(["run", ...names], rows),
    "",
    ...paragraph(...departures(diagnosis, starts), ...extremes(diagnosis)),
  ];
}

function departures(diagnosis: readonly Departure[], starts: readonly number[]): string[] {
  const left = diagnosis.flatMap(({ run, windows }) => {
    const from = windows.findLastIndex((error) => Math.abs(error) <= CLAIM) + 1;
    return from < windows.length ? [`${run.name} from step ${starts[from]! + 1} on`] : [];
  });
  if (left.length === 0) return [`Within ${percent(CLAIM)} in the last window: all of them.`];
  const within = diagnosis.filter(({ windows }) => Math.abs(windows.at(-1)!) <= CLAIM).map(({ run }) => run.name);
  const others = within.length > 0 ? ` Within it at the end: ${listed(within)}.` : "";
  return [`Off by more than ${percent(CLAIM)} to the end: ${listed(left)}.${others}`];
}

/** How far the runs come: those that have nothing to do with FP8, and FP8's. */
function extremes(diagnosis: readonly Departure[]): string[] {
  const most = (isFp8: boolean): string[] => {
    const runs = diagnosis.filter(({ run }) => (run.precision === "fp8") === isFp8);
    const [furthest] = runs.sort((a, b) => lastOf(b) - lastOf(a));
    return furthest ? [`${(lastOf(furthest) / CLAIM).toFixed(1)} times the bound from it (${furthest.run.name})`] : [];
  };
  const [without, fp8] = [most(false), most(true)];
  return [
    ...without.map((distance) => `Without any FP8 a run leaves f32's course as far as ${distance}.`),
    ...fp8.map((distance) => `FP8 is ${distance}.`),
  ];
}

function lastOf({ windows }: Departure): number {
  return Math.abs(windows.at(-1)!);
}

/** What rounding alone does to trained weights. */
export function roundingSection({ rounding = [] }: StudyResults): string[] {
  if (rounding.length === 0) return [];
  const rows = rounding.map(({ seed, f32, bf16, fp8 }) => [
    ...[`${seed}`, f32.toFixed(4)],
    ...[bf16, fp8].map((loss) => signedPercent(loss / f32 - 1)),
  ]);
  const most = (of: "bf16" | "fp8"): string =>
    percent(Math.max(...rounding.map((one) => Math.abs(one[of] / one.f32 - 1))));
  return [
    ...table(["seed", "f32", "bf16", "FP8"], rows),
    "",
    ...paragraph(`Rounding alone moves the loss by ${most("bf16")} at most in bf16 and by ${most("fp8")} in FP8.`),
  ];
}
