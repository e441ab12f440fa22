import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { useTestModel } from "@ds3/example-pretrain/test-model";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { dpo } from "./main.ts";

const given = useTestModel();

const run = (out: string, flags: readonly string[]) => given.run(dpo, out, flags);

test("a dozen pairs: the margin rises, and the model folder loads again", async () => {
  const records = Array.from({ length: 12 }, (_, i) => ({
    prompt: `what is ${i} plus one`,
    chosen: `the sum is ${i + 1}`,
    rejected: `who are you`,
  }));
  const data = await given.file("pairs.jsonl", records);
  const lines = await run("dpo", [
    "--data",
    data,
    "--steps",
    "6",
    "--batch",
    "4",
    "--learning-rate",
    "0.003",
    "--nll-weight",
    "0.2",
  ]);
  expect(lines[0]).toBe("10 pairs, 2 held out; left out: 0 empty, 0 identical, 0 tooLong");
  expect(lines.filter((line) => /^(?:before|after): .* of 2 held-out pairs$/.test(line))).toHaveLength(2);
  expect(
    lines.filter((line) => /^since the start: .* gained on the worse one in (?:100|50|0)\.0% of them$/.test(line)),
  ).toHaveLength(1);
  const margins = lines.flatMap((line) => /margin (-?[\d.]+)/.exec(line)?.[1] ?? []).map(Number);
  expect(margins[0]).toBe(0);
  expect(await readFile(join(given.folder, "dpo", "metrics.jsonl"), "utf8")).toContain('"nll"');
  expect(margins.at(-1)).toBeGreaterThan(0.05);
  expect((await stat(join(given.folder, "dpo", "reference-f32.safetensors"))).size).toBeGreaterThan(0);
  await using gpu = await openGpu();
  await loadModel(gpu, join(given.folder, "dpo", "model"));
  const onItself = run("dpo", ["--data", data, "--model", join(given.folder, "dpo", "model")]);
  await expect(onItself).rejects.toThrow(/--out: expected .* Give another --out/);
});

test("in FP8 the reference is one of its own, and so are the moments", async () => {
  const records = Array.from({ length: 12 }, (_, i) => ({ prompt: `is it ${i}`, chosen: `yes ${i}`, rejected: "no" }));
  const flags = ["--data", await given.file("few.jsonl", records), "--steps", "2", "--batch", "2"];
  const lines = await run("fp8", [...flags, "--precision", "fp8"]);
  // The policy is its own reference still, in the same precision.
  expect(lines.find((line) => line.startsWith("step 1:"))).toContain("margin 0.000");
  expect((await stat(join(given.folder, "fp8", "reference-fp8.safetensors"))).size).toBeGreaterThan(0);
  const checkpoint = join(given.folder, "fp8", "checkpoints", "step-00000002");
  const optimizer = parseSafetensors(await readFile(join(checkpoint, "optimizer.safetensors")));
  expect(new Set([...optimizer.values()].map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
});

const dataset = listDatasets()?.find((path) => /dpo-en[\\/]/.test(path));
if (dataset === undefined) skipVisibly("dpo on a data set: no dpo-en (set DS3_DATASETS)");
test.skipIf(dataset === undefined)("a data set of preferences, from the file to a checkpoint", async () => {
  const lines = await run("dpo-en", ["--data", dataset!, "--limit", "60", "--steps", "2", "--batch", "2"]);
  expect(lines.at(-1)).toContain(join("dpo-en", "model"));
  await using gpu = await openGpu();
  await loadModel(gpu, join(given.folder, "dpo-en", "model"));
});
