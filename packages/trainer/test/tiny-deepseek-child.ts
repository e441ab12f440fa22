// tiny-deepseek-child.ts FOLDER STEPS: trains the tests' DeepSeek model, going on where FOLDER stopped.
import { openGpu } from "@ds3/tensor";
import { testGpuOptions } from "@ds3/testing";
import { createTiny, trainTiny } from "./tiny-deepseek.ts";

const [folder, steps] = process.argv.slice(2) as [string, string];
await using gpu = await openGpu(testGpuOptions());
await trainTiny(createTiny(gpu), folder, { steps: Number(steps), resume: true, onNote: console.log });
