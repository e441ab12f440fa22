/*
 * Does reinforcement learning raise the held-out reward, and is it the reward that does it? GRPO with three seeds from the
 * weights that a finished quickstart had before its GRPO stage, and the same with the rewards shuffled among the replies of
 * each step: what rises then, rises for another reason.
 *
 *   npx --yes pnpm@12 compare-grpo [folder of the run]
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Reward, scoreCompletions } from "@ds3/align-grpo";
import { createRandom } from "@ds3/data";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { openGpu } from "@ds3/tensor";
import { loadTokenizer } from "@ds3/tokenizer/node";
import { readNewestCheckpoint } from "@ds3/trainer";
import { splitSums } from "./post-training/arithmetic.ts";
import { chatFormat } from "./post-training/chat-format.ts";
import { grpoStage } from "./post-training/grpo-stage.ts";
import { planPostTraining } from "./post-training/post-plan.ts";
import { runStage } from "./post-training/run-stage.ts";
import type { RunRecord } from "./run-record.ts";
import { createTerminal } from "./terminal.ts";

const SEEDS = [1, 2, 3];

const out = process.argv[2] ?? "runs/quickstart";
const terminal = createTerminal();
const { preset, seed: runSeed, command } = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as RunRecord;
const options = { preset: preset as "tiny", fast: command.includes("--fast") };
const tokenizer = await loadTokenizer(join(out, "tokenizer.json"));
const before = (await readNewestCheckpoint(join(out, "dpo", "checkpoints")))!;

await using gpu = await openGpu();
for (const kind of ["rewards", "shuffled rewards"] as const) {
  for (const seed of SEEDS) {
    const model = await loadCheckpoint(gpu, before.folder, { biasUpdateSpeed: 0 });
    const context = {
      format: chatFormat(tokenizer, model.config),
      plan: planPostTraining(options, []),
      // The held-out sums are the run's own: the model has been trained on the others.
      sums: splitSums(runSeed),
      documents: { train: [], validation: [] },
      seed,
      terminal: { print: () => {}, status: terminal.status },
      signal: new AbortController().signal,
    };
    const stage = grpoStage(context, kind === "rewards" ? undefined : (own) => [shuffled(own, seed)]);
    const folder = join(out, "compare-grpo", `${kind.replace(" ", "-")}-${seed}`);
    const record = (await runStage(stage, model, context, { folder, resume: false }))!;
    const figures = [record.before, record.after, record.after - record.before].map((value) => value.toFixed(3));
    terminal.print(`${kind}, seed ${seed}: ${figures[0]} -> ${figures[1]}, change ${figures[2]} (${record.n} replies)`);
  }
}

/** The sum of the rewards, given to the replies of a step in an order that has nothing to do with them. */
function shuffled(rewards: readonly Reward[], seed: number): Reward {
  const random = createRandom({ seed, stream: 200 });
  return {
    name: "shuffled",
    score: async (completions) =>
      random.shuffle([...(await scoreCompletions(rewards, completions)).totals] as number[]),
  };
}
