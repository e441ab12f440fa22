import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runSuite } from "./run-suite.ts";
import type { CpuFigure } from "./suite-messages.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-run-suite-"));
afterAll(() => rm(folder, { recursive: true }));

/** Figures of a program of one line. */
async function run(name: string, code: string): Promise<CpuFigure[]> {
  const program = join(folder, `${name}.mjs`);
  await writeFile(program, code);
  const figures: CpuFigure[] = [];
  for await (const each of runSuite({ program, input: "the input", suite: name })) figures.push(each);
  return figures;
}

const print = (message: string): string => `console.log(JSON.stringify(${message}));`;
const figure = print(`{ type: "figure", figure: { name: process.argv[2], value: 1, unit: "MB/s" } }`);

test("figures come as they are printed, and the program gets its input and one thread", async () => {
  const threads = print(`{ type: "figure", figure: { name: process.env.RAYON_NUM_THREADS } }`);
  const figures = await run("orderly", figure + threads);
  expect(figures).toEqual([{ name: "the input", value: 1, unit: "MB/s" }, { name: "1" }]);
});

test("an error that it reports, and an end without one", async () => {
  const error = `{ op: "bench", operand: "ids", expected: "equal ones", actual: "others" }`;
  await expect(run("error", figure + print(`{ type: "error", error: ${error} }`))).rejects.toThrow(
    "bench: ids: expected equal ones, got others",
  );
  await expect(run("crash", `${figure} process.exitCode = 3;`)).rejects.toThrow(/crash.*got its end with 3/);
});
