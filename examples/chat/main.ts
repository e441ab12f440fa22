/*
 * A chat with a model in the terminal. Replies are streamed; Ctrl-C stops one, and ends the program at the prompt.
 */
import { createInterface } from "node:readline";
import { Ds3Error } from "@ds3/errors";
import { count, integer, loadModel, number, optional, parseFlags, runProgram, text } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { Conversation } from "./conversation.ts";

/** Where messages come from and replies go. */
export interface ChatStreams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Reads lines, replies to each, and returns when the input ends. */
export async function chat(argv: readonly string[], { input, output }: ChatStreams): Promise<void> {
  const options = parseFlags("chat", "Talks with a model: one line, one reply.", argv, {
    model: text("folder of the model", "runs/quickstart/model"),
    temperature: number("0 takes the likeliest token; the higher, the more surprising", 0.7),
    topP: number("draw among the likeliest tokens that have this share of the probability", 0.95),
    maxTokens: count("most tokens of a reply", 256),
    seed: optional(integer("repeats a chat exactly; otherwise each is another one")),
    system: optional(text("what the model is told before all messages")),
  });
  const { model, seed = Math.floor(Math.random() * 2 ** 32), ...rest } = options;
  await using gpu = await openGpu();
  const hint = "Make it first: npx --yes pnpm@12 quickstart. Or name another folder with --model.";
  const conversation = new Conversation(await loadModel(gpu, model, { hint }), { ...rest, seed });
  const print = (words: string): void => void output.write(words);

  const isTerminal = input.isTTY ?? false;
  const lines = createInterface({ input, output, terminal: isTerminal, prompt: isTerminal ? "> " : "" });
  let reply: AbortController | undefined;
  let isOpen = true;
  const interrupt = (): void => (reply ? reply.abort() : lines.close());
  lines.on("SIGINT", interrupt).once("close", () => {
    isOpen = false;
  });
  process.on("SIGINT", interrupt);

  if (isTerminal) print(`${model}: /new starts afresh, Ctrl-C stops a reply, Ctrl-D ends\n`);
  lines.prompt();
  for await (const line of lines) {
    const said = line.trim();
    if (said === "/new") conversation.clear();
    else if (said !== "") {
      reply = new AbortController();
      await answer(said, reply.signal);
      reply = undefined;
    }
    if (isOpen) lines.prompt();
  }
  process.off("SIGINT", interrupt);
  if (isTerminal) print("\n");

  async function answer(said: string, signal: AbortSignal): Promise<void> {
    // A model can write any byte, and control characters would command the terminal.
    const onText = (words: string): void => print(words.replaceAll(/[^\P{Cc}\n\t]/gu, "\ufffd"));
    const onForgotten = (messages: number): void =>
      print(`[the ${messages} oldest messages no longer fit: forgotten]\n`);
    try {
      const isWhole = await conversation.reply(said, { onText, onForgotten, signal });
      print(isWhole ? "\n" : signal.aborted ? " [stopped]\n" : ` [cut off: --max-tokens ${rest.maxTokens}]\n`);
    } catch (error) {
      // A message that is too long is told, and the chat goes on.
      if (!Ds3Error.is(error)) throw error;
      print(`${(error as Error).message}\n`);
    }
  }
}

await runProgram(import.meta, (argv) => chat(argv, { input: process.stdin, output: process.stdout }));
