// bigram-child.ts FOLDER STEPS f32|bf16 [abortable]: trains the bigram model of the tests, going on where FOLDER stopped.

import { openGpu } from "@ds3/tensor";
import { testGpuOptions } from "@ds3/testing";
import { abortOnSignals } from "../src/index.ts";
import { createBigram, createPairs } from "./bigram.ts";
import { trainBigram } from "./train-bigram.ts";

const [folder, steps, moments, mode] = process.argv.slice(2) as [string, string, "f32" | "bf16", string | undefined];
using abort = abortOnSignals({ onAbort: (name) => console.log(`aborted by ${name}`) });
await using gpu = await openGpu(testGpuOptions());
const result = await trainBigram(createBigram(gpu), createPairs(), {
  folder,
  steps: Number(steps),
  optimizer: { moments },
  resume: true,
  ...(mode === "abortable" ? { signal: abort.signal } : {}),
  onStep: ({ step }) => console.log(`step ${step}.`),
});
console.log(`stopped: ${result.stopped}`);
