import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pretrain } from "./main.ts";

const words = "the a cat dog sat ran on mat hill and what is one two three plus equals sum of who are you".split(" ");

/** Text with the words of the tests' conversations, and numbers. */
export function testText(wordCount: number): string {
  return Array.from({ length: wordCount }, (_, i) =>
    i % 7 === 6 ? `${i % 20}.\n` : words[(i * i + 3 * i) % 23]!,
  ).join(" ");
}

/** A model folder as pretrain leaves it, after two steps: knows nothing, and is made in seconds. For tests. */
export async function makeTestModel(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "text.txt");
  await writeFile(file, testText(3000));
  const size = "--vocab-size 400 --steps 2 --batch 2 --length 32".split(" ");
  const session = { print: () => {}, status: () => {}, signal: new AbortController().signal };
  await pretrain(["--data", file, "--out", folder, ...size], session);
  return join(folder, "model");
}
