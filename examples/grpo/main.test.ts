import { join } from "node:path";
import { useTestModel } from "@ds3/example-pretrain/test-model";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { grpo } from "./main.ts";

const given = useTestModel();

const small = "--questions 2 --group-size 4 --max-tokens 8 --steps 2".split(" ");

const run = (out: string, flags: readonly string[]) => given.run(grpo, out, [...small, ...flags]);

const questions = Array.from({ length: 12 }, (_, i) => ({
  question: `what is ${i} plus one`,
  answer: `#### ${i + 1}`,
}));

test("rule rewards in FP8, with a pull towards the start: a reward each step, and a model folder that loads again", async () => {
  const data = await given.file("questions.jsonl", questions);
  const lines = await run("rules", ["--data", data, "--beta", "0.04", "--precision", "fp8"]);
  expect(lines[0]).toBe("12 questions; left out: 0 too long");
  expect(lines.filter((line) => /^step [12]: mean reward \d\.\d{3}, \d+ tokens a reply/.test(line))).toHaveLength(2);
  await using gpu = await openGpu();
  await loadModel(gpu, join(given.folder, "rules", "model"));
});

test("a reward model learns from pairs and is the reward", async () => {
  const pair = ({ question }: { question: string }) => ({
    prompt: question,
    chosen: "the sum is one",
    rejected: "a cat",
  });
  const [data, pairs] = [
    await given.file("asked.jsonl", questions),
    await given.file("pairs.jsonl", questions.map(pair)),
  ];
  const flags = ["--data", data, "--reward-model-data", pairs, "--reward-model-steps", "12"];
  const lines = await run("judged", flags);
  const losses = lines.flatMap((line) => /^reward model, .* ([\d.]+) nats/.exec(line)?.[1] ?? []).map(Number);
  expect(losses[0]).toBeCloseTo(Math.LN2, 0);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.1);
  // Scores are of all sizes, so that no group has one reward only.
  expect(lines.filter((line) => /^step [12]: .* 0% of groups all equal/.test(line))).toHaveLength(2);
  await using gpu = await openGpu();
  const judge = await loadModel(gpu, join(given.folder, "judged", "reward-model", "model"), { scoreHead: true });
  expect((await judge.model.arena.get("score").data()).some((weight) => weight !== 0)).toBe(true);
});

const dataset = listDatasets()?.find((path) => /gsm8k[\\/]/.test(path));
if (dataset === undefined) skipVisibly("grpo on a data set: no gsm8k (set DS3_DATASETS)");
test.skipIf(dataset === undefined)("a data set of questions, from the file to a checkpoint", async () => {
  const lines = await run("gsm8k", ["--data", dataset!, "--limit", "12"]);
  expect(lines.at(-1)).toContain(join("gsm8k", "model"));
  await using gpu = await openGpu();
  await loadModel(gpu, join(given.folder, "gsm8k", "model"));
});
