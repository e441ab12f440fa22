import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pretrain } from "./main.ts";
import { testText } from "./test/test-model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  await writeFile(join(folder, "my.txt"), testText(6000));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One run; aborts when a line that matches is printed. */
async function run(out: string, flags: string, stopAt?: RegExp): Promise<string[]> {
  const lines: string[] = [];
  const controller = new AbortController();
  const print = (line: string): void => {
    lines.push(line);
    if (stopAt?.test(line)) controller.abort();
  };
  const size = "--vocab-size 400 --batch 2 --length 64 --steps 10".split(" ");
  const argv = [
    "--data",
    join(folder, "my.txt"),
    "--out",
    join(folder, out),
    ...size,
    ...flags.split(" ").filter(Boolean),
  ];
  await pretrain(argv, { print, status: () => {}, signal: controller.signal });
  return lines;
}

test("learns, and leaves a model folder with tokenizer and chat template", async () => {
  const lines = await run("whole", "");
  const losses = lines.flatMap((line) => /: ([\d.]+) nats/.exec(line)?.[1] ?? []).map(Number);
  expect(losses).toHaveLength(6);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
  await using gpu = await openGpu();
  const { model, tokenizer, template, stopTokens } = await loadModel(gpu, join(folder, "whole", "model"));
  expect(model.config.vocabSize).toBe(tokenizer.vocabSize);
  expect(stopTokens).toEqual([1]);
  const rendered = template.render([{ role: "user", content: "hi" }], { addGenerationPrompt: true });
  expect(rendered).toBe("<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜>");
});

test("stopped and resumed it ends with the same weights", async () => {
  const stopped = await run("halves", "", /^step 4:/);
  expect(stopped.at(-1)).toMatch(/--resume goes on/);
  await expect(readFile(join(folder, "halves", "model", "config.json"))).rejects.toThrow(/ENOENT/);
  await run("halves", "--resume");
  const weights = (out: string): Promise<Buffer> => readFile(join(folder, out, "model", "model.safetensors"));
  expect((await weights("halves")).equals(await weights("whole"))).toBe(true);
});

test("in FP8, stopped and resumed it ends with the same weights, and does not go on in another precision", async () => {
  const weights = (out: string): Promise<Buffer> => readFile(join(folder, out, "model", "model.safetensors"));
  const firstLoss = async (out: string): Promise<number> => {
    const [first] = (await readFile(join(folder, out, "metrics.jsonl"), "utf8")).split("\n");
    return JSON.parse(first!).validationLoss;
  };
  const lines = await run("fp8", "--precision fp8 --steps 4");
  const losses = lines.flatMap((line) => /: ([\d.]+) nats/.exec(line)?.[1] ?? []).map(Number);
  expect(losses).toHaveLength(5);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  await run("fp8-halves", "--precision fp8 --steps 4", /^step 2:/);
  await expect(run("fp8-halves", "--steps 4 --resume")).rejects.toThrow(
    /settings\.precision: expected "f32", got "fp8"/,
  );
  await run("fp8-halves", "--precision fp8 --steps 4 --resume");
  expect((await weights("fp8-halves")).equals(await weights("fp8"))).toBe(true);
  // The same fresh weights, measured on the same text.
  const [own, f32] = [await firstLoss("fp8"), await firstLoss("whole")];
  expect(own).not.toBe(f32);
  expect(own).toBeCloseTo(f32, 1);
  const checkpoint = join(folder, "fp8", "checkpoints", "step-00000004");
  const optimizer = parseSafetensors(await readFile(join(checkpoint, "optimizer.safetensors")));
  expect(new Set([...optimizer.values()].map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
});

test("a missing file is named", async () => {
  const attempt = pretrain(["--data", join(folder, "none.txt")], {
    print() {},
    status() {},
    signal: AbortSignal.abort(),
  });
  await expect(attempt).rejects.toThrow(/none\.txt/);
});
