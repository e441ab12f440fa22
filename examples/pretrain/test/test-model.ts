import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Training } from "@ds3/example-shared";
import { afterAll, beforeAll } from "vitest";
import { pretrain } from "../main.ts";

const words = "the a cat dog sat ran on mat hill and what is one two three plus equals sum of who are you".split(" ");

/** Text with the words of the tests' conversations, and numbers. */
export function testText(wordCount: number): string {
  return Array.from({ length: wordCount }, (_, i) =>
    i % 7 === 6 ? `${i % 20}.\n` : words[(i * i + 3 * i) % 23]!,
  ).join(" ");
}

/** What the tests of a file share; gone after the last one. */
export interface TestModel {
  readonly folder: string;
  /** Folder of a model as pretrain leaves it, after two steps: knows nothing, and is made in seconds. */
  readonly model: string;
  /** Writes records as JSON lines. */
  file(name: string, records: readonly unknown[]): Promise<string>;
  /** Runs a program on the model, with results in `folder`/`out`, and gives the lines that it printed. */
  run(program: Training, out: string, flags: readonly string[]): Promise<string[]>;
}

/** For a test file, before its tests. Read the folders inside tests only. */
export function useTestModel(): TestModel {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
    await makeTestModel(join(folder, "pretrain"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    get folder() {
      return folder;
    },
    get model() {
      return join(folder, "pretrain", "model");
    },
    async file(name, records) {
      const path = join(folder, name);
      await writeFile(path, records.map((record) => JSON.stringify(record)).join("\n"));
      return path;
    },
    async run(program, out, flags) {
      const lines: string[] = [];
      const session = { print: (line: string) => void lines.push(line), status: () => {} };
      const argv = ["--model", this.model, "--out", join(folder, out), ...flags];
      await program(argv, { ...session, signal: new AbortController().signal });
      return lines;
    },
  };
}

async function makeTestModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "text.txt");
  await writeFile(file, testText(3000));
  const size = "--vocab-size 400 --steps 2 --batch 2 --length 32".split(" ");
  const session = { print: () => {}, status: () => {}, signal: new AbortController().signal };
  await pretrain(["--data", file, "--out", folder, ...size], session);
}
