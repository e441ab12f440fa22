import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "@ds3/example-shared";
import { afterAll, beforeAll, expect, test } from "vitest";
import { study } from "./main.ts";
import { measurePlanted } from "./measure-outliers.ts";
import { type RunMetrics, readMetrics } from "./read-metrics.ts";
import { pairOf } from "./runs.ts";
import { studyPlan } from "./study-config.ts";
import { prepareData } from "./study-data.ts";

const words = "the a cat dog sat ran on mat hill and what is one two three plus equals sum of who are you".split(" ");

let folder: string;
let text: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  text = join(folder, "my.txt");
  await writeFile(text, Array.from({ length: 20_000 }, (_, i) => words[(i * i + 3 * i) % 23]).join(" "));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One run of the command; aborts at a status line that matches. */
async function run(out: string, flags: string, stopAt?: RegExp): Promise<string[]> {
  const lines: string[] = [];
  const controller = new AbortController();
  const session: Session = {
    print: (line) => void lines.push(line),
    status: (line) => {
      if (stopAt?.test(line)) controller.abort();
    },
    signal: controller.signal,
  };
  await study(["--data", text, "--out", join(folder, out), ...flags.split(" ")], session);
  return lines;
}

/** The figures of two runs of the study that was not stopped. */
const both = async (one: string, other: string): Promise<readonly [RunMetrics, RunMetrics]> => [
  await readMetrics(join(folder, "whole", one)),
  await readMetrics(join(folder, "whole", other)),
];

test("a pair is trained once; what is stopped goes on to the same losses; page and drawing are written", async () => {
  const flags = "--part pairs --seeds 1 --steps 6";
  expect((await run("stopped", flags, /^fp8-0 {2}step 1\//)).at(-1)).toMatch(/same command goes on/);
  const resumed = await run("stopped", flags);
  expect(resumed).toContainEqual(expect.stringMatching(/^fp8-0: resumed from/));
  expect(resumed.join("\n")).not.toContain("f32-0: ");
  await cp(join(folder, "stopped", "f32-0"), join(folder, "whole", "f32-0"), { recursive: true });
  await run("whole", flags);
  for (const name of ["f32-0", "fp8-0"]) {
    const [one, other] = [
      await readMetrics(join(folder, "stopped", name)),
      await readMetrics(join(folder, "whole", name)),
    ];
    expect(one.losses).toHaveLength(6);
    expect(one).toEqual(other);
  }
  const page = await readFile(join(folder, "whole", "fp8-study.md"), "utf8");
  expect(page).toMatch(/<!-- verdict -->\s+Over the last third of 6 steps/);
  expect(page).toMatch(/^\| fp8-0 \|/m);
  expect(await readFile(join(folder, "whole", "fp8-study.svg"), "utf8")).toContain(">seed 0<");
  const again = await run("whole", flags);
  expect(again.join("\n")).not.toContain("finished");
  // Four devices compile the model's kernels; on a busy software adapter that takes minutes.
}, 300_000);

test("a folder of another study is refused, and so is text that would be seen twice", async () => {
  await expect(run("whole", "--part pairs --seeds 1 --steps 7")).rejects.toThrow(
    /--out: expected a folder of this study/,
  );
  await expect(run("long", "--part pairs --seeds 1 --steps 2000")).rejects.toThrow(/see none twice/);
});

test("the two runs of a seed begin alike, and FP8 is not f32", async () => {
  const [f32, fp8] = await both("f32-0", "fp8-0");
  expect(fp8.losses).not.toEqual(f32.losses);
  for (const [i, loss] of f32.losses.entries()) expect(Math.abs(fp8.losses[i]! / loss - 1)).toBeLessThan(0.01);
});

test("the control: weights off by a millionth give other losses, close to the first ones", async () => {
  await run("whole", "--part control --seeds 1 --steps 6");
  const [f32, control] = await both("f32-0", "control-0");
  expect(control.losses).not.toEqual(f32.losses);
  for (const [i, loss] of f32.losses.entries()) expect(Math.abs(control.losses[i]! / loss - 1)).toBeLessThan(1e-3);
  expect(await readFile(join(folder, "whole", "fp8-study.md"), "utf8")).toMatch(/^\| control-0 \|/m);
});

test("outliers are measured on trained weights: f32 is as the run left it, FP8 close, and one scale a tensor another FP8", async () => {
  const plan = { ...studyPlan, steps: 6, ablationSteps: 6 };
  const data = await prepareData({ data: [text], column: "text" }, plan, () => {});
  const root = join(folder, "whole");
  const [run] = pairOf(0, plan);
  const { step, f32, losses } = await measurePlanted(root, run, plan, data, { factors: [2 ** 12] });
  expect(step).toBe(6);
  expect(data.heldOut.length).toBeLessThanOrEqual(16);
  expect(f32).toBe((await readMetrics(join(root, "f32-0"))).heldOut.get(6));
  const [{ tile, tensor }] = losses as [(typeof losses)[number]];
  expect(tile).not.toBe(tensor);
  for (const loss of [tile, tensor]) {
    expect(loss).not.toBe(f32);
    expect(Math.abs(loss / f32 - 1)).toBeLessThan(0.05);
  }
  const missing = measurePlanted(root, { ...run, name: "f32-9" }, plan, data, {});
  await expect(missing).rejects.toThrow(/f32-9.*expected a checkpoint.*--part pairs/s);
}, 300_000);
