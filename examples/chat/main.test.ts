import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { saveCheckpoint } from "@ds3/deepseek/node";
import { useTestModel } from "@ds3/example-pretrain/test-model";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { expect, test } from "vitest";
import { chat } from "./main.ts";

const given = useTestModel();

/** Feeds lines, and gives all that was printed; `onText` sees each piece as it comes. */
async function talk(
  input: NodeJS.ReadableStream,
  flags = "--seed 1 --max-tokens 6",
  onText: (text: string) => void = () => {},
): Promise<string> {
  let printed = "";
  const output = new Writable({
    write(chunk, _encoding, done) {
      printed += chunk;
      onText(`${chunk}`);
      done();
    },
  });
  await chat(["--model", given.model, ...flags.split(" ")], { input, output });
  return printed;
}

const lines = (...said: string[]): Readable => Readable.from(said.map((line) => `${line}\n`));

test("one line, one reply; a seed repeats the chat", async () => {
  const printed = await talk(lines("who are you", "", "what is one plus one"));
  expect(printed.match(/\[cut off: --max-tokens 6\]\n/g)).toHaveLength(2);
  expect(await talk(lines("who are you", "what is one plus one"))).toBe(printed);
});

test("a folder with weights in FP8 is talked to as any other", async () => {
  const folder = join(given.folder, "fp8");
  await using gpu = await openGpu();
  await saveCheckpoint((await loadModel(gpu, given.model)).model, folder, { format: "fp8" });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await copyFile(join(given.model, name), join(folder, name));
  }
  const printed = await talk(lines("who are you"), `--model ${folder} --temperature 0 --max-tokens 4`);
  expect(printed).toMatch(/\[cut off: --max-tokens 4\]\n/);
});

test("no control character of the model's reaches the terminal", async () => {
  const printed = await talk(lines("who are you"), "--seed 1 --temperature 50 --top-p 1 --max-tokens 300");
  expect(printed).not.toMatch(/[^\P{Cc}\n\t]/u);
  expect(printed).toMatch(/\ufffd/);
});

test("what was said is remembered until /new", async () => {
  const greedy = "--temperature 0 --max-tokens 4";
  const fresh = await talk(lines("two three"), greedy);
  expect(await talk(lines("the cat sat on a mat", "/new", "two three"), greedy)).toBe(
    `${await talk(lines("the cat sat on a mat"), greedy)}${fresh}`,
  );
});

test("messages beyond the context: the oldest are forgotten, a too long one is refused, and the chat goes on", async () => {
  const long = "cat ".repeat(200);
  const printed = await talk(lines(long, long, "cat ".repeat(2000), "one"));
  expect(printed).toMatch(/\[the 2 oldest messages no longer fit: forgotten\]/);
  expect(printed).toMatch(/the message: expected at most 1018 tokens .* in a context of 1024, got \d+/);
  expect(printed.match(/\[cut off/g)).toHaveLength(3);
});

test("Ctrl-C stops a reply; at the prompt it ends the chat", async () => {
  const input = new PassThrough();
  input.write("who are you\n");
  let stops = 0;
  const printed = await talk(input, "--max-tokens 500", (text) => {
    if (text.includes("[stopped]")) setTimeout(() => process.emit("SIGINT"), 20);
    else if (text !== "" && stops++ === 0) process.emit("SIGINT");
  });
  expect(printed).toMatch(/ \[stopped\]\n$/);
});

test("a missing folder says what makes one", async () => {
  const attempt = chat(["--model", join(given.folder, "none")], { input: lines(), output: new PassThrough() });
  await expect(attempt).rejects.toThrow(/no such folder.*npx --yes pnpm@12 quickstart/);
});
