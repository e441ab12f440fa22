import type { BenchCase } from "./bench-case.ts";
import { measureTraining } from "./measure-training.ts";
import { gptRun, miniRun } from "./training-runs.ts";

/** Training steps of the peers' tiny GPT and of the `mini` preset, without and with checkpoints. */
export const trainingCases: readonly BenchCase[] = [
  {
    name: "gpt.tiny.train",
    run: async (context) => {
      using _scope = context.gpu.scope("gpt");
      const run = gptRun(context.gpu);
      return run && (await measureTraining(run, context));
    },
  },
  {
    name: "deepseek.mini.train",
    run: async (context) => {
      using _scope = context.gpu.scope("deepseek");
      return await measureTraining(miniRun(context.gpu), context);
    },
  },
  {
    name: "deepseek.mini.checkpoint.train",
    run: async (context) => {
      using _scope = context.gpu.scope("deepseek with checkpoints");
      // The price of checkpoints shows in half as many steps.
      const steps = Math.ceil(context.steps / 2);
      return await measureTraining(miniRun(context.gpu, "block"), { ...context, steps });
    },
  },
];
