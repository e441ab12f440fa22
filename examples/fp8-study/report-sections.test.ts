import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawStudy } from "./draw-study.ts";
import { lossError } from "./loss-error.ts";
import { reportSections } from "./report-sections.ts";
import type { Comparison, Protocol, StudyResults } from "./results.ts";
import {
  ablationRuns,
  continuedRuns,
  percentRun,
  repeatRun,
  type SeedRuns,
  type StudyRun,
  scratchRuns,
} from "./runs.ts";
import { studyPlan } from "./study-config.ts";

const plan = { ...studyPlan, steps: 12, ablationSteps: 6 };

/** A pair whose FP8 run is `error` above the other. */
function pair(seed: number, error: number): Comparison {
  const losses = Array.from({ length: plan.steps }, (_, i) => 7 - i / 4);
  const others = losses.map((loss) => loss * (1 + error));
  const [against, , run] = scratchRuns(seed, plan);
  const base = { losses, heldOut: 5 };
  return { run, against, base, other: { losses: others, heldOut: 5 * (1 + error) }, error: lossError(losses, others) };
}

const nothing: Protocol = { pairs: [], baselines: [], controls: [], ablation: [] };
const none = {
  ...{ continued: nothing, repeats: [], diagnosis: [], rounding: undefined, planted: undefined, promotion: undefined },
};
const results = (...pairs: Comparison[]): StudyResults => ({ plan, scratch: { ...nothing, pairs }, ...none });
const verdict = (...errors: number[]): string =>
  reportSections(results(...errors.map((error, seed) => pair(seed, error)))).verdict.join(" ");

test.each([
  [[0.001, 0.0024, 0.002], /3 of 3 seeds, so the claim \*\*holds\*\*/],
  [[0.001, 0.0026, 0.002], /2 of 3 seeds, so the claim \*\*does not hold for every seed\*\*/],
  [[0.003, 0.0026, -0.004], /0 of 3 seeds, so the claim \*\*does not hold\*\*/],
])("the claim is judged by the mean error of each seed: %j", (errors, words) => {
  expect(verdict(...errors)).toMatch(words);
});

test("the verdict has the maximum and the signed difference beside the mean", () => {
  expect(verdict(-0.004)).toContain("is off by 0.400 %: below 0.250 % for 0 of 1");
  expect(verdict(-0.004)).toContain("differs by -0.400 %");
});

test("the verdict has bf16, too, where it was run, and stays what it is", () => {
  const scratch = protocolOf(scratchRuns(0, plan), 0.004, 0.003);
  const said = reportSections({ ...results(), scratch }).verdict.join(" ");
  expect(said).toContain("**does not hold**");
  expect(said).toContain("Against bf16 the mean error is 0.100 %: below 0.250 % for 1 of 1 seeds.");
  expect(said).toContain("bf16 against f32 has one of 0.300 %: below 0.250 % for 0 of 1 seeds.");
});

test("seeds that are not finished are counted", () => {
  expect(verdict(0.001, 0.001)).toContain("Finished so far: 2 of 3 seeds.");
  expect(verdict(0.001, 0.001, 0.001)).not.toContain("Finished so far");
});

/** Three comparisons of a seed: errors of FP8 and of bf16 against f32. */
function protocolOf([f32Run, bf16Run, fp8Run]: SeedRuns, fp8: number, bf16: number): Protocol {
  const { seed } = f32Run;
  const of = (run: StudyRun, against: StudyRun, error: number): Comparison => ({ ...pair(seed, error), run, against });
  return {
    pairs: [of(fp8Run, f32Run, fp8)],
    baselines: [of(fp8Run, bf16Run, fp8 - bf16)],
    controls: [of(bf16Run, f32Run, bf16)],
    ablation: [],
  };
}

test("what is continued has a verdict of its own, after that from scratch; where bf16 fails too, nothing is said of FP8", () => {
  const failed = { ...results(pair(0, 0.01)), continued: protocolOf(continuedRuns(0, plan), 0.002, 0.0005) };
  const sections = reportSections(failed);
  expect(sections.verdict.join(" ")).toContain("**does not hold**");
  expect(sections.verdictContinued.join(" ")).toMatch(/^\*\*Continued.*12 further steps.*claim \*\*holds\*\* here/);
  expect(sections.verdictContinued.join(" ")).toContain(
    "Against bf16 the mean error is 0.150 %: below 0.250 % for 1 of 1",
  );
  expect(sections.verdictContinued.join(" ")).toContain("bf16 against f32, has a mean error of 0.050 %");
  expect(sections.verdictContinued.join(" ")).not.toContain("says nothing");
  expect(sections.continued.map((row) => row.split("|").slice(1, 3).join().replaceAll(" ", ""))).toEqual([
    ...["run,against", expect.stringMatching(/^-+,-+$/), "continued-fp8-0,continued-f32-0"],
    ...["continued-fp8-0,continued-bf16-0", "continued-bf16-0,continued-f32-0"],
  ]);
  const coarse = { ...results(), continued: protocolOf(continuedRuns(0, plan), 0.004, 0.003) };
  expect(reportSections(coarse).verdictContinued.join(" ")).toContain("of seed 0 this protocol says nothing about FP8");
});

test("the diagnosis says from which window on a run stays off, which is back at the end, and how far f32 and bf16 come", () => {
  const percent = percentRun({ ...plan, diagnosisSeed: 1 });
  const [, bf16, fp8] = scratchRuns(1, plan);
  const diagnosis = [
    { run: repeatRun(1, plan), windows: [0, 0, 0.004, 0, 0, 0.001] },
    { run: percent, windows: [0, 0.004, 0, 0.003, 0.01, 0.0125] },
    { run: bf16, windows: [0, 0, 0, 0, 0, -0.003] },
    { run: fp8, windows: [0.01, 0.01, 0.01, 0.01, 0.01, 0.02] },
  ];
  const { diagnosis: lines } = reportSections({ ...results(), plan: { ...plan, diagnosisSteps: 12 }, diagnosis });
  expect(lines[0]).toMatch(/^\| run +\| 1 to 2 +\| 3 to 4 .* 11 to 12 +\|$/);
  expect(lines.slice(7).join(" ")).toBe(
    "Off by more than 0.250 % to the end: f32-percent-1 from step 7 on, bf16-1 from step 11 on and fp8-1 from step 1 on. " +
      "Within it at the end: control-1. Without any FP8 a run leaves f32's course as far as 5.0 times the bound from it (f32-percent-1). " +
      "FP8 is 8.0 times the bound from it (fp8-1).",
  );
});

test("rounding: what trained weights lose, a row a seed, and the most of it", () => {
  const rounding = [
    { seed: 0, f32: 4, bf16: 4.0004, fp8: 4.002 },
    { seed: 1, f32: 4, bf16: 4, fp8: 3.996 },
  ];
  const { rounding: lines } = reportSections({ ...results(), rounding });
  expect(lines[3]).toBe("| 1    | 4.0000 | 0.000 %  | -0.100 % |");
  expect(lines.at(-1)).toBe("Rounding alone moves the loss by 0.010 % at most in bf16 and by 0.100 % in FP8.");
});

test("outliers: what they change, with each kind of scale, against FP8 without them", () => {
  const [f32, , fp8] = continuedRuns(0, plan);
  const errors = [0.001, 0.0015, 0.003, 0.0115];
  const ablation = [fp8, ...ablationRuns(fp8, plan)].map((run, i) => ({ ...pair(0, errors[i]!), run, against: f32 }));
  const continued = { ...results().continued, ablation };
  const { outliersContinued: lines, outliers } = reportSections({ ...results(), continued });
  expect(outliers).toEqual([]);
  expect(lines[3]).toMatch(/^\| continued-fp8-tensor-0 +\| continued-f32-0 \| 0\.150 %/);
  expect(lines.slice(7).join(" ")).toBe(
    "The outliers change the mean loss by +0.200 % with one scale a tile and +1.000 % with one scale a tensor.",
  );
});

test("outliers: up to which s each kind of scale keeps to the bound", () => {
  const losses = [1, 16, 256].map((factor, i) => ({ factor, tile: 4, tensor: 4 + i * 0.008 }));
  const said = (planted: StudyResults["planted"]): string => reportSections({ ...results(), planted }).planted.at(-1)!;
  expect(said({ step: 1, f32: 4, losses })).toContain("up to s = 2^8 with one scale a tile and up to s = 2^4 with one");
  const lost = losses.map((one) => ({ ...one, tile: Number.NaN }));
  expect(said({ step: 1, f32: 4, losses: lost })).toContain("for no s with one scale a tile");
});

test("promotion: the worst errors at the largest K, and how they grow", () => {
  const promotion = (["normal", "uniform"] as const).flatMap((operands, i) =>
    [256, 512].flatMap((depth) => [
      { operands, depth, isPromoted: false, mean: 0, worst: (depth / 25_600) * (i + 1) },
      { operands, depth, isPromoted: true, mean: 0, worst: 0.001 },
    ]),
  );
  const { promotion: lines } = reportSections({ ...results(), promotion });
  expect(lines.slice(7).join(" ")).toBe(
    "At K = 512 the worst error without promotion is 2.000 % for normal operands and 4.000 % for uniform operands, " +
      "with it 0.100 % for normal operands and 0.100 % for uniform operands. " +
      "From the smallest K to that one the worst error grows 2.0-fold without, 1.0-fold with it.",
  );
});

test("a row a seed: errors, held-out losses, and their difference", () => {
  const { pairs } = reportSections(results(pair(0, 0.001), pair(1, -0.002)));
  expect(pairs).toHaveLength(4);
  const cells = pairs[3]!.split("|").map((cell) => cell.trim());
  expect(cells.slice(1, 4)).toEqual(["fp8-1", "f32-1", "0.200 %"]);
  expect(cells.slice(5, 9)).toEqual(["-0.200 %", "5.0000", "4.9900", "-0.200 %"]);
});

test("the controls: f32 again, bf16, and FP8 against bf16, and the average of each kind beside FP8's", () => {
  const again = { ...pair(1, 0.002), run: repeatRun(1, plan) };
  const scratch = protocolOf(scratchRuns(0, plan), 0.004, 0.003);
  const lines = (part: Partial<StudyResults>): readonly string[] => reportSections({ ...results(), ...part }).control;
  expect(
    lines({ scratch, repeats: [again] }).map((row) => row.split("|").slice(1, 4).join().replaceAll(" ", "")),
  ).toEqual(expect.arrayContaining(["control-1,f32-1,0.200%", "bf16-0,f32-0,0.300%", "fp8-0,bf16-0,0.100%"]));
  expect(
    lines({ scratch, repeats: [again] })
      .slice(6)
      .join(" "),
  ).toBe(
    "The mean error, averaged over seeds: f32 against itself 0.200 %, below 0.250 % for 1 of 1 seeds; " +
      "bf16 against f32 0.300 %, below 0.250 % for 0 of 1 seeds; FP8 against bf16 0.100 %, below 0.250 % for 1 of 1 seeds; " +
      "FP8 against f32 0.400 %, below 0.250 % for 0 of 1 seeds.",
  );
  expect(lines({ repeats: [again] }).at(-1)).not.toContain("bf16");
});

test("nothing is said of what is not known; every section has its place in the page", async () => {
  const { sizes, ...others } = reportSections(results());
  for (const lines of Object.values(others)) expect(lines).toEqual([]);
  const page = await readFile(join(import.meta.dirname, "../../docs/fp8-study.md"), "utf8");
  for (const name of ["sizes", ...Object.keys(others)]) {
    expect(page.split(`<!-- ${name} -->`)).toHaveLength(2);
    expect(page.split(`<!-- /${name} -->`)).toHaveLength(2);
  }
  expect(sizes).toHaveLength(12);
});

test("the drawing is one SVG with both themes' colours, the same each time, of any part of the results", () => {
  const svg = drawStudy(results(pair(0, 0.001), pair(1, 0.004)));
  expect(svg).toMatch(/^<svg\b[\s\S]*<\/svg>\n$/);
  expect(svg).toContain("prefers-color-scheme:dark");
  expect(svg).toMatch(/<title>[^<]+<\/title>/);
  expect(svg).toContain(">seed 1<");
  const continued = drawStudy({
    ...results(pair(0, 0.001)),
    continued: protocolOf(continuedRuns(2, plan), 0.002, 0.001),
  });
  expect(continued).toContain(">seed 2<");
  for (const drawing of [svg, continued, drawStudy(results())])
    expect(drawing).not.toMatch(/class=|ecmeta|NaN|undefined/);
  expect(drawStudy(results(pair(0, 0.001), pair(1, 0.004)))).toBe(svg);
});
