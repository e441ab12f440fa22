import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createShardWriter } from "@ds3/data/node";
import { deepseekPresets } from "@ds3/deepseek";
import { trainBpe } from "@ds3/tokenizer";
import { saveTokenizer } from "@ds3/tokenizer/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pretrain } from "./main.ts";
import { testText } from "./test/test-model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
  const text = testText(6000);
  await writeFile(join(folder, "held-out.txt"), text.slice(0, 2000));
  const specialTokens = [...deepseekPresets.tiny.specialTokens];
  const tokenizer = trainBpe([text], { vocabSize: 400, specialTokens });
  const shards = join(folder, "shards");
  const writer = await createShardWriter(shards, { vocabSize: tokenizer.vocabSize, shardTokens: 500 });
  for (let at = 0; at < text.length; at += 300) {
    const ids = [0, ...tokenizer.encode(text.slice(at, at + 300)), 1];
    await writer.add(ids, { weight: at % 900 === 0 ? 0.5 : 1 });
  }
  await writer.finish();
  await saveTokenizer(tokenizer, join(shards, "tokenizer.json"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(out: string, flags: string, stopAt?: RegExp): Promise<string[]> {
  const lines: string[] = [];
  const controller = new AbortController();
  const print = (line: string): void => {
    lines.push(line);
    if (stopAt?.test(line)) controller.abort();
  };
  const inputs = [
    "--shards",
    join(folder, "shards"),
    "--data",
    join(folder, "held-out.txt"),
    "--out",
    join(folder, out),
  ];
  const size = `--batch 2 --length 64 --steps 10 ${flags}`.trim().split(" ");
  await pretrain([...inputs, ...size], { print, status: () => {}, signal: controller.signal });
  return lines;
}

test("learns from shards with weights; stopped and resumed it ends with the same weights", async () => {
  const lines = await run("whole", "");
  const losses = lines.flatMap((line) => /: ([\d.]+) nats/.exec(line)?.[1] ?? []).map(Number);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.3);
  const stopped = await run("halves", "", /^step 4:/);
  expect(stopped.at(-1)).toMatch(/--resume goes on/);
  await run("halves", "--resume");
  const weights = (out: string): Promise<Buffer> => readFile(join(folder, out, "model", "model.safetensors"));
  expect((await weights("halves")).equals(await weights("whole"))).toBe(true);
});

test("a folder without shards is named", async () => {
  const session = { print() {}, status() {}, signal: AbortSignal.abort() };
  const attempt = pretrain(["--data", join(folder, "held-out.txt"), "--shards", join(folder, "none")], session);
  await expect(attempt).rejects.toThrow(/none: expected an index\.json/);
});
