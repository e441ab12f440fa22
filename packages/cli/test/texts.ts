import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { uniforms } from "@ds3/testing";

const ENGLISH =
  "river stone paper window garden letter mountain morning table silver bridge winter summer market station music island teacher doctor engine".split(
    " ",
  );
const STOPS = "the be to of and that have with".split(" ");
const CHINESE = "我们今天一起去看山上的花园里面有很多人在唱歌跳舞天气非常好大家都高兴地说话".split("");

/** English prose that the default filters keep. */
export function english(seed: number): string {
  const uniform = uniforms(seed);
  const pick = (from: readonly string[]): string => from[Math.floor(uniform() * from.length)]!;
  const sentence = (): string => Array.from({ length: 9 }, (_, i) => pick(i % 3 === 1 ? STOPS : ENGLISH)).join(" ");
  return Array.from({ length: 9 }, () => `${sentence()}.`).join("\n");
}

/** Chinese of random characters. */
export function chinese(seed: number): string {
  const uniform = uniforms(seed);
  return `${Array.from({ length: 200 }, () => CHINESE[Math.floor(uniform() * CHINESE.length)]!).join("")}。`;
}

/** `en.jsonl` with a bad line and a duplicate, `zh.txt`, and a build file. */
export function writeTexts(folder: string, count: number): void {
  mkdirSync(join(folder, "in"), { recursive: true });
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ text: english(i + 1) }));
  lines.splice(3, 0, "{broken", lines[0]!);
  writeFileSync(join(folder, "in", "en.jsonl"), `${lines.join("\n")}\n`);
  writeFileSync(join(folder, "in", "zh.txt"), Array.from({ length: 10 }, (_, i) => chinese(i + 1)).join("\n\n"));
  const config = {
    out: "out",
    tokenizer: { vocabSize: 400 },
    sources: [
      { name: "english", paths: "in/*.jsonl" },
      { name: "chinese", paths: ["in/zh.txt"], separator: "\n\n", language: "zh" },
    ],
  };
  writeFileSync(join(folder, "build.json"), JSON.stringify(config));
}
