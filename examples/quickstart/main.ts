/*
 * The quickstart: text -> tokenizer -> packed tokens -> a small DeepSeek-V3, pre-trained -> fine-tuned on conversations ->
 * preferences -> reinforcement learning -> a model to chat with, and a report.
 *
 * Each stage is a function in the file of its name; what they agree on is the plan, fixed before the first one starts.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "@ds3/errors";
import { openGpu } from "@ds3/tensor";
import { kernelTableOf, readKernelTable } from "@ds3/trainer";
import { buildModel, compileTraining } from "./build-model.ts";
import { commandLine } from "./command-line.ts";
import { learnTokenizer } from "./learn-tokenizer.ts";
import { loadDocuments } from "./load-documents.ts";
import { nextCommands } from "./next-commands.ts";
import type { QuickstartOptions } from "./options.ts";
import { planRun } from "./plan-run.ts";
import { splitSums } from "./post-training/arithmetic.ts";
import { chatFormat } from "./post-training/chat-format.ts";
import { choosePrompts as chooseQuestions } from "./post-training/choose-prompts.ts";
import { planPostTraining } from "./post-training/post-plan.ts";
import { postTrain } from "./post-training/post-train.ts";
import { pretrain } from "./pretrain.ts";
import { printResult } from "./print-result.ts";
import { recordRun } from "./record-run.ts";
import { writeReport } from "./report.ts";
import { runCommand } from "./run-command.ts";
import { saveModel, saveTokenizerIn } from "./save-model.ts";
import type { Terminal } from "./terminal.ts";
import { prepareTokens } from "./token-data.ts";
import { createTrainingClock } from "./training-clock.ts";
import { choosePrompts, formatSample, writeSamples } from "./write-samples.ts";

/** The whole run; an aborted one leaves a checkpoint that `--resume` goes on from. */
export async function quickstart(options: QuickstartOptions, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const sessionStart = new Date();
  const { out, precision, seed, resume, kernels } = options;
  const plan = planRun(options);
  assertFolder(out);
  const clock = await createTrainingClock(out, { resume, sessionStart });

  // A run goes on with the kernels that it began with, unless others are given: then the stages say what differs.
  const own = resume ? await kernelTableOf(out) : undefined;
  await using gpu = await openGpu({ kernelTable: kernels === undefined ? own : await readKernelTable(kernels) });
  compileTraining(gpu, options, plan);
  const documents = await loadDocuments(options, plan, terminal);
  const tokenizer = learnTokenizer(documents.train, options, plan, terminal);
  const data = await prepareTokens(documents, tokenizer, options, plan, terminal);

  const model = buildModel(gpu, options, tokenizer, terminal);
  const prompts = choosePrompts(documents.validation, options.data === undefined);
  const sample = (from: readonly string[]) => writeSamples(model, tokenizer, from, { plan, seed });
  const onFirstSample = async () => {
    for (const first of await sample(prompts.slice(0, 1))) terminal.print(`first sample\n${formatSample(first)}`);
  };
  // A run that is refused, for want of text or for other settings than those of the run to resume, changes no file.
  const keepTokenizer = () => saveTokenizerIn(out, tokenizer);
  if (!resume) await keepTokenizer();
  const training = await pretrain(model, { options, plan, clock, data, terminal, signal, onFirstSample });
  await clock.save();
  if (resume) await keepTokenizer();
  if (training.stopped) {
    terminal.print(`Stopped at step ${training.steps} of ${plan.steps}; the checkpoint is ${training.checkpoint}.`);
    terminal.print(`Go on with: ${commandLine(options, { resume: true })}`);
    return;
  }
  const samples = await sample(prompts);

  const format = chatFormat(tokenizer, model.config);
  const sums = splitSums(seed);
  const post = planPostTraining(options, chooseQuestions(sums.heldOut, documents.validation, seed));
  const context = { format, plan: post, precision, sums, documents, seed, terminal, signal };
  const { stages, stoppedIn } = await postTrain(model, context, { out, resume });
  await clock.save();
  if (stoppedIn !== undefined) {
    terminal.print(`Stopped in ${stoppedIn}; its newest checkpoint is in ${join(out, stoppedIn)}.`);
    terminal.print(`Go on with: ${commandLine(options, { resume: true })}`);
    return;
  }

  const folder = join(out, "model");
  await saveModel(folder, model, format);
  const all = [...documents.train, ...documents.validation];
  const record = await recordRun({ options, model, data, training, clock, stages, samples, documents: all });
  const { html } = await writeReport(out, record);
  const report = pathToFileURL(resolve(html)).href;
  printResult(record, { report, model: folder, next: nextCommands(options, plan.steps) }, terminal);
}

/** Before an hour's work, not after it. */
function assertFolder(out: string): void {
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory() !== false) return;
  const hint = "Choose another folder with --out.";
  throw new ConfigError({ op: "quickstart", operand: "--out", expected: "a folder", actual: `the file ${out}`, hint });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await runCommand(quickstart, process.argv.slice(2));
}
