import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawStudy } from "./draw-study.ts";
import { lossError } from "./loss-error.ts";
import { reportSections } from "./report-sections.ts";
import type { Comparison, StudyResults } from "./results.ts";
import { controlRun, pairOf } from "./runs.ts";
import { studyPlan } from "./study-config.ts";

const plan = { ...studyPlan, steps: 12, ablationSteps: 6 };

/** A pair whose FP8 run is `error` above the other. */
function pair(seed: number, error: number): Comparison {
  const losses = Array.from({ length: plan.steps }, (_, i) => 7 - i / 4);
  const others = losses.map((loss) => loss * (1 + error));
  const run = pairOf(seed, plan)[1];
  const base = { losses, heldOut: 5 };
  return { run, base, other: { losses: others, heldOut: 5 * (1 + error) }, error: lossError(losses, others) };
}

const none = { controls: [], ablation: [], ablationBase: undefined, planted: undefined, promotion: undefined };
const results = (...pairs: Comparison[]): StudyResults => ({ plan, pairs, ...none });
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

test("a row a seed: errors, held-out losses, and their difference", () => {
  const { pairs } = reportSections(results(pair(0, 0.001), pair(1, -0.002)));
  expect(pairs).toHaveLength(4);
  const cells = pairs[3]!.split("|").map((cell) => cell.trim());
  expect(cells.slice(1, 3)).toEqual(["fp8-1", "0.200 %"]);
  expect(cells.slice(4, 8)).toEqual(["-0.200 %", "5.0000", "4.9900", "-0.200 %"]);
});

test("the controls are a table, with the mean error of the same seeds in FP8 beside theirs", () => {
  const control = { ...pair(1, 0.002), run: controlRun(1, plan) };
  const { control: lines } = reportSections({ ...results(pair(0, 0.001), pair(1, 0.003)), controls: [control] });
  expect(lines[2]).toMatch(/^\| control-1 \| 0\.200 % /);
  expect(lines.at(-1)).toBe("Mean error over 1 of the seeds: FP8 0.300 %, f32 from other last bits 0.200 %.");
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
  for (const drawing of [svg, drawStudy(results())]) expect(drawing).not.toMatch(/class=|ecmeta|NaN|undefined/);
  expect(drawStudy(results(pair(0, 0.001), pair(1, 0.004)))).toBe(svg);
});
