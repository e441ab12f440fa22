/*
 * Does reinforcement learning raise the held-out reward, and is it the reward that does it? GRPO with three seeds from the
 * weights that a finished quickstart had before its GRPO stage, and the same with the rewards shuffled among the replies of
 * each step: what rises then, rises for another reason. Takes six times as long as that stage.
 *
 *   npx --yes pnpm@12 compare-grpo [folder of the run]
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Reward, scoreCompletions } from "@ds3/align-grpo";
import { createRandom } from "@ds3/data";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { Ds3Error, FormatError } from "@ds3/errors";
import { openGpu } from "@ds3/tensor";
import { loadTokenizer } from "@ds3/tokenizer/node";
import { abortOnSignals, readNewestCheckpoint } from "@ds3/trainer";
import type { Preset } from "./options.ts";
import { splitSums } from "./post-training/arithmetic.ts";
import { chatFormat } from "./post-training/chat-format.ts";
import { grpoStage } from "./post-training/grpo-stage.ts";
import { planPostTraining } from "./post-training/post-plan.ts";
import { runStage } from "./post-training/run-stage.ts";
import { errorText } from "./run-command.ts";
import type { RunRecord } from "./run-record.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

const SEEDS = [1, 2, 3];

/** One of the six runs: the mean reward of the held-out replies before and after. */
export interface Comparison {
  readonly kind: "rewards" | "shuffled rewards";
  readonly seed: number;
  readonly before: number;
  readonly after: number;
}

/** Runs the last stage of the run in `out` six times and prints what each one did. */
export async function compareGrpo(out: string, terminal: Terminal, signal: AbortSignal): Promise<Comparison[]> {
  const { preset, precision, seed: runSeed, command } = await readReport(out);
  const before = await readNewestCheckpoint(join(out, "dpo", "checkpoints"));
  if (!before) throw unfinished(out, "no checkpoint of its DPO stage");
  const tokenizer = await loadTokenizer(join(out, "tokenizer.json"));
  const results: Comparison[] = [];
  await using gpu = await openGpu();
  for (const kind of ["rewards", "shuffled rewards"] as const) {
    for (const seed of SEEDS) {
      const model = await loadCheckpoint(gpu, before.folder, { biasUpdateSpeed: 0, precision });
      const context = {
        format: chatFormat(tokenizer, model.config),
        plan: planPostTraining({ preset: preset as Preset, fast: command.includes("--fast") }, []),
        precision,
        // The held-out sums are the run's own: the model has been trained on the others.
        sums: splitSums(runSeed),
        documents: { train: [], validation: [] },
        seed,
        terminal: { print: () => {}, status: terminal.status },
        signal,
      };
      const stage = grpoStage(context, kind === "rewards" ? undefined : (own) => [shuffled(own, seed)]);
      const folder = join(out, "compare-grpo", `${kind.replace(" ", "-")}-${seed}`);
      const record = await runStage(stage, model, context, { folder, resume: false });
      if (!record) return results;
      results.push({ kind, seed, before: record.before, after: record.after });
      const figures = [record.before, record.after, record.after - record.before].map((value) => value.toFixed(3));
      terminal.print(
        `${kind}, seed ${seed}: ${figures[0]} -> ${figures[1]}, change ${figures[2]} (${record.n} replies)`,
      );
    }
  }
  return results;
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

async function readReport(out: string): Promise<RunRecord> {
  try {
    return JSON.parse(await readFile(join(out, "report.json"), "utf8")) as RunRecord;
  } catch (cause) {
    throw unfinished(out, cause instanceof Error ? cause.message : `${cause}`);
  }
}

function unfinished(out: string, actual: string): FormatError {
  const hint = "Run npx --yes pnpm@12 quickstart first, or name the folder of a finished run.";
  return new FormatError({ op: "compareGrpo", operand: out, expected: "a finished quickstart", actual, hint });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  using abort = abortOnSignals({ onAbort: () => console.log("Stopping after this step; Ctrl-C again ends at once.") });
  try {
    await compareGrpo(process.argv[2] ?? "runs/quickstart", createTerminal(), abort.signal);
  } catch (error) {
    console.error(errorText(error, !Ds3Error.is(error)));
    process.exitCode = 1;
  }
}
