import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "@ds3/deepseek/node";
import { useTestModel } from "@ds3/example-pretrain/test-model";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { sft } from "./main.ts";

const given = useTestModel();

const run = (out: string, flags: readonly string[]) => given.run(sft, out, flags);

const alpaca = Array.from({ length: 6 }, (_, i) => ({ instruction: `what is ${i} plus one`, output: `${i + 1}` }));
const chats = Array.from({ length: 6 }, (_, i) => ({
  messages: [
    { role: "user", content: `who are you ${i}` },
    { role: "assistant", content: "a cat on a mat" },
  ],
}));

test("two stages on records of two forms, in FP8, to a model folder", async () => {
  const [data, second] = [await given.file("alpaca.jsonl", alpaca), await given.file("chats.jsonl", chats)];
  const lines = await run("sft", ["--data", data, "--second-stage", second, "--steps", "2", "--precision", "fp8"]);
  expect(lines[0]).toBe("10 conversations; left out: 0 empty, 0 noAssistant, 0 tooLong; 2 to ask before and after");
  expect(lines.filter((line) => /^stage (?:chat|second): replies .* \d+% before, \d+% after$/.test(line))).toHaveLength(
    2,
  );
  await using gpu = await openGpu();
  const before = await loadModel(gpu, given.model);
  const after = await loadModel(gpu, join(given.folder, "sft", "model"));
  expect(after.template.source).toBe(before.template.source);
  const weights = (from: typeof before) => from.model.arena.get("head").data();
  expect(await weights(after)).not.toEqual(await weights(before));
});

test("from a folder with weights in FP8 as from any other, to one in f32", async () => {
  const released = join(given.folder, "released");
  await using gpu = await openGpu();
  await saveCheckpoint((await loadModel(gpu, given.model)).model, released, { format: "fp8" });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await copyFile(join(given.model, name), join(released, name));
  }
  const data = await given.file("few.jsonl", alpaca);
  await run("from-fp8", ["--model", released, "--data", data, "--steps", "1"]);
  const config = JSON.parse(await readFile(join(given.folder, "from-fp8", "model", "config.json"), "utf8"));
  expect(config.torch_dtype).toBe("float32");
  expect(config).not.toHaveProperty("quantization_config");
});

test("a record of no known form is named by file and line", async () => {
  const data = await given.file("odd.jsonl", [...alpaca, { colour: "red" }]);
  await expect(run("odd", ["--data", data])).rejects.toThrow(/odd\.jsonl:7: .*colour/);
});

test("a missing model folder says how to make one", async () => {
  const attempt = run("none", ["--data", await given.file("one.jsonl", alpaca), "--model", join(given.folder, "none")]);
  await expect(attempt).rejects.toThrow(/no such folder.*examples\/pretrain start/);
});

const dataset = listDatasets()?.find((path) => /sft-alpaca-en[\\/]/.test(path));
if (dataset === undefined) skipVisibly("sft on a data set: no sft-alpaca-en (set DS3_DATASETS)");
test.skipIf(dataset === undefined)("a data set of instructions, from the file to a checkpoint", async () => {
  const lines = await run("alpaca", [
    "--data",
    dataset!,
    "--limit",
    "12",
    "--steps",
    "2",
    "--length",
    "1024",
    "--batch",
    "1",
  ]);
  expect(lines.at(-1)).toContain(join("alpaca", "model"));
  await using gpu = await openGpu();
  await loadModel(gpu, join(given.folder, "alpaca", "model"));
});
