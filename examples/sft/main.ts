/*
 * Supervised fine-tuning: a model folder and conversations -> a model folder that replies.
 */
import { join } from "node:path";
import { encodeChats, fineTune, type SftStage } from "@ds3/align-sft";
import { parseChat } from "@ds3/data";
import { generate } from "@ds3/deepseek";
import {
  assertOtherFolder,
  holdOut,
  listCounts,
  loadModel,
  optimizerFor,
  readAll,
  runTraining,
  type Session,
  saveModel,
} from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { encodePrompt } from "@ds3/tokenizer";
import { formatProgress } from "@ds3/trainer";
import { parseOptions } from "./options.ts";

/** Fine-tunes all weights on what the assistant says. */
export async function sft(argv: readonly string[], { print, status, signal }: Session): Promise<void> {
  const options = parseOptions(argv);
  const { data, secondStage, limit, epochs, steps, batch, length, learningRate: peak, seed, out, resume } = options;
  const { precision } = options;
  assertOtherFolder(options.model, join(out, "model"));
  await using gpu = await openGpu();
  const start = await loadModel(gpu, options.model, { precision });
  const { model, tokenizer, template, stopTokens } = start;

  const read = async (files: readonly string[], source: string) =>
    (await readAll(files, parseChat, limit)).map((record) => ({ ...record, source }));
  const records = [...(await read(data, "first")), ...(secondStage ? await read(secondStage, "second") : [])];
  const { train, heldOut } = holdOut(records);
  const { samples, dropped } = encodeChats(train, tokenizer, template, { maxLength: length });
  print(`${samples.length} conversations; left out: ${listCounts(dropped)}; ${heldOut.length} to ask before and after`);

  // Before and after each stage the model replies to openings that it does not learn from: how many repeat without end?
  const openings = heldOut.slice(0, 16).map(({ messages }) => messages.slice(0, messages.findIndex(isAssistant)));
  const prompts = openings.map((messages) => encodePrompt(tokenizer, template, messages));
  const fitting = prompts.filter((prompt) => prompt.length > 0 && prompt.length < length);
  const maxNewTokens = 64;
  const duration = steps === undefined ? { epochs } : { steps };
  const schedule = { peak, floor: peak / 5 };
  const stages: SftStage[] = [{ name: "chat", ...duration, schedule }];
  if (secondStage) stages.push({ name: "second", sources: ["second"], ...duration, schedule });
  const result = await fineTune({
    ...{ model, samples, stages, batch, length, seed, signal, resume, folder: out },
    ...{ optimizer: optimizerFor(precision), settings: { precision } },
    sample: { prompts: fitting, generate: (some) => generate(model, some, { maxNewTokens, stopTokens, signal }) },
    onStage: ({ name, steps }) => print(`stage ${name}: ${steps} steps`),
    onProgress: (progress) => status(formatProgress(progress)),
    onNote: print,
  });
  if (result.stopped) return print("Stopped; the same command with --resume goes on.");
  for (const { name, repetitionRate: rate } of result.stages) {
    print(`stage ${name}: replies that repeat without end ${share(rate!.before)} before, ${share(rate!.after!)} after`);
  }
  await saveModel(join(out, "model"), start);
  print(`The model is in ${join(out, "model")}.`);
}

function isAssistant({ role }: { readonly role: string }): boolean {
  return role === "assistant";
}

function share(of: number): string {
  return `${(100 * of).toFixed(0)}%`;
}

await runTraining(import.meta, sft);
