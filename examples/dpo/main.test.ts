import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTestModel } from "@ds3/example-pretrain/test-model";
import { loadModel } from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dpo } from "./main.ts";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  model = await makeTestModel(join(folder, "pretrain"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(out: string, flags: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const argv = ["--model", model, "--out", join(folder, out), ...flags];
  await dpo(argv, { print: (line) => lines.push(line), status: () => {}, signal: new AbortController().signal });
  return lines;
}

test("a dozen pairs: the margin rises, and the model folder loads again", async () => {
  const records = Array.from({ length: 12 }, (_, i) => ({
    prompt: `what is ${i} plus one`,
    chosen: `the sum is ${i + 1}`,
    rejected: `who are you`,
  }));
  const data = join(folder, "pairs.jsonl");
  await writeFile(data, records.map((record) => JSON.stringify(record)).join("\n"));
  const lines = await run("dpo", ["--data", data, "--steps", "6", "--batch", "4", "--learning-rate", "0.003"]);
  expect(lines[0]).toBe("10 pairs, 2 held out; left out: 0 empty, 0 identical, 0 tooLong");
  expect(lines.filter((line) => /^(?:before|after): .* of 2 held-out pairs$/.test(line))).toHaveLength(2);
  const margins = lines.flatMap((line) => /margin (-?[\d.]+)/.exec(line)?.[1] ?? []).map(Number);
  expect(margins[0]).toBe(0);
  expect(margins.at(-1)).toBeGreaterThan(0.05);
  expect((await stat(join(folder, "dpo", "reference.safetensors"))).size).toBeGreaterThan(0);
  await using gpu = await openGpu();
  await loadModel(gpu, join(folder, "dpo", "model"));
});

const dataset = listDatasets()?.find((path) => /dpo-en[\\/]/.test(path));
if (dataset === undefined) skipVisibly("dpo on a data set: no dpo-en (set DS3_DATASETS)");
test.skipIf(dataset === undefined)("a data set of preferences, from the file to a checkpoint", async () => {
  const lines = await run("dpo-en", ["--data", dataset!, "--limit", "60", "--steps", "2", "--batch", "2"]);
  expect(lines.at(-1)).toContain(join("dpo-en", "model"));
  await using gpu = await openGpu();
  await loadModel(gpu, join(folder, "dpo-en", "model"));
});
