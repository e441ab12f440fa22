import { createDeepseek, deepseekV3, generate } from "@ds3/deepseek";
import { type Gpu, type KernelRequest, matmul } from "@ds3/tensor";
import { randomBatch } from "../mini.ts";
import { seededIds } from "../seeded-values.ts";
import { gptRun } from "../training-runs.ts";
import type { TuneCommand, TunedModel } from "./options.ts";

const PROMPT = 16;

/**
 * Runs what the table is for, once: a training step's forward and backward and some decoded tokens of each model, and
 * square products. Every product and attention that a device encodes meanwhile goes to the listener that it was opened
 * with.
 */
export async function runModels(gpu: Gpu, command: TuneCommand, print: (line: string) => void): Promise<void> {
  for (const name of command.presets) {
    using _scope = gpu.scope(name);
    await runModel(gpu, name, command, print);
    await gpu.idle();
  }
  using _scope = gpu.scope("squares");
  for (const side of command.squares) {
    const x = gpu.zeros([side, side]);
    for (const layout of ["nn", "nt", "tn"] as const) matmul(x, x, { layout });
  }
}

async function runModel(
  gpu: Gpu,
  name: TunedModel,
  { batch, length }: TuneCommand,
  print: (line: string) => void,
): Promise<void> {
  if (name === "gpt") {
    const run = gptRun(gpu);
    if (!run) return print("gpt: passed over, no peers' weights (set DS3_PEERS)");
    using tape = gpu.tape();
    return tape.backward(run.model.loss(await run.batches.next()).total);
  }
  const model = createDeepseek(gpu, deepseekV3(name), { seed: 1 });
  {
    using _step = gpu.scope("step");
    using tape = gpu.tape();
    tape.backward(model.loss(randomBatch(model.config, batch, length)).total);
  }
  await generate(model, [seededIds(PROMPT, model.config.vocabSize)], { maxNewTokens: 2 });
}

/** A listener for `openGpu({ onKernelRequest })` and the list that it fills. */
export function requestLog(): { readonly requests: KernelRequest[]; readonly listen: (one: KernelRequest) => void } {
  const requests: KernelRequest[] = [];
  return { requests, listen: (one) => void requests.push(one) };
}
