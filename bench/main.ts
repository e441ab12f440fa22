import { writeFile } from "node:fs/promises";
import { Ds3Error } from "@ds3/errors";
import type { Figure } from "./src/figure.ts";
import { figureHeading, formatFigure } from "./src/format-figures.ts";
import { benchFigures, openBenchGpu } from "./src/modes.ts";
import { type BenchOptions, parseOptions } from "./src/options.ts";
import { profileMini } from "./src/profile-mini.ts";

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.mode === "profile") await printProfile(options);
  else await printFigures(options);
} catch (error) {
  if (!(error instanceof Error && Ds3Error.is(error))) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}

async function printProfile(options: BenchOptions): Promise<void> {
  await using gpu = await openBenchGpu(options);
  console.log(`${gpu.adapter.name}\n\n${await profileMini(gpu)}`);
}

/** Prints each figure as it comes. With `--json` standard output has nothing else. */
async function printFigures(options: BenchOptions): Promise<void> {
  const figures: Figure[] = [];
  const onProblem = (line: string): void => {
    process.exitCode = 1;
    console.error(`FAILED: ${line}`);
  };
  const onNote = options.json ? console.error : console.log;
  try {
    for await (const figure of benchFigures(options, { onNote, onProblem })) {
      if (!options.json && figures.length === 0) console.log(`\n${figureHeading()}`);
      console.log(options.json ? JSON.stringify(figure) : formatFigure(figure));
      figures.push(figure);
    }
  } finally {
    // What was measured before a failure is kept.
    if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify({ figures }, undefined, 2)}\n`);
  }
}
