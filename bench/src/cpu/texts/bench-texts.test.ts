import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../places.ts";
import { benchTexts } from "./bench-texts.ts";
import { bytesOf } from "./select-texts.ts";
import { TEXT_KINDS } from "./text-kind.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-bench-texts-"));
afterAll(() => rm(folder, { recursive: true }));

const words = (): string[] => ["中国", "人民", "的"];

test("without data sets 2 MB of each kind, and the note says of what", () => {
  const { texts, origin } = benchTexts(ROOT, [], words);
  for (const kind of TEXT_KINDS) expect(bytesOf(texts[kind]), kind).toBeGreaterThan(1_900_000);
  expect(origin).toMatch(/english \d\.\d MB of Markdown.*chinese 2\.\d MB of words.*code 2\.\d MB of the repository/);
});

test("prose of data sets is taken by its kind, whatever the files are called", async () => {
  const english = "There are three sentences here. This is one. This is the last.";
  const chinese = "这里有三个句子。这是其中的一个。这是最后一个，它比较长一些。";
  const path = join(folder, "anything.jsonl");
  await writeFile(path, [english, chinese].map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const { texts, origin } = benchTexts(ROOT, [path], words);
  expect([texts.english, texts.chinese]).toEqual([[english], [chinese]]);
  expect(origin).toMatch(/english 0\.0 MB of data sets, chinese 0\.0 MB of data sets/);
});
