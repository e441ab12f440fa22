import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "../figure.ts";
import { cpuName } from "./cpu-name.ts";
import { runSuite } from "./run-suite.ts";
import type { SuiteBundle } from "./suite-bundle.ts";
import type { SuiteInput } from "./suite-messages.ts";

/** A suite and what it is given. */
export interface SuiteRun {
  readonly bundle: SuiteBundle;
  readonly suite: SuiteInput["suite"];
  /** Gets the suite's own folder. */
  readonly input: (scratch: string) => SuiteInput;
}

/** The figures of one suite, in a process of its own, with a folder that it finds empty and that is gone after it. */
export async function* measureSuite({ bundle, suite, input }: SuiteRun): AsyncGenerator<Figure> {
  const { folder, program } = bundle;
  const scratch = join(folder, suite);
  await mkdir(scratch);
  try {
    const file = join(folder, `${suite}.json`);
    await writeFile(file, JSON.stringify(input(scratch)));
    const adapter = cpuName();
    for await (const figure of runSuite({ program, input: file, suite })) yield { ...figure, adapter };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
