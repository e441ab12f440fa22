import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trainBpe } from "../train-bpe.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { saveTokenizer } from "./save-tokenizer.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-tokenizer-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a saved tokenizer loads with the same ids, and replaces an older file", async () => {
  const path = join(folder, "tokenizer.json");
  await writeFile(path, "old");
  const tokenizer = trainBpe(["some text, some words"], { vocabSize: 270 });
  await saveTokenizer(tokenizer, path);
  const loaded = await loadTokenizer(path);
  expect(loaded.encode("some words")).toEqual(tokenizer.encode("some words"));
  expect(await readdir(folder)).toEqual(["tokenizer.json"]);
});

test("a failed save leaves no temporary file and the old content", async () => {
  const taken = join(folder, "taken");
  await mkdir(join(taken, "inside"), { recursive: true });
  await expect(saveTokenizer(trainBpe(["a"], { vocabSize: 256 }), taken)).rejects.toThrow();
  expect((await readdir(folder)).sort()).toEqual(["taken", "tokenizer.json"]);
});

test("a file that is missing or torn is named", async () => {
  const missing = join(folder, "none.json");
  await expect(loadTokenizer(missing)).rejects.toThrow(FormatError);
  await expect(loadTokenizer(missing)).rejects.toThrow(`loadTokenizer: ${missing}: expected a readable tokenizer.json`);
  const torn = join(folder, "torn.json");
  await writeFile(torn, (await readFile(join(folder, "tokenizer.json"), "utf8")).slice(0, 500));
  await expect(loadTokenizer(torn)).rejects.toThrow(/valid JSON/);
});
