import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { trainBpe } from "@ds3/tokenizer";
import type { Figure } from "../figure.ts";
import { cpuName } from "./cpu-name.ts";
import { measureSuite } from "./measure-suite.ts";
import { DEEPSEEK, ROOT } from "./places.ts";
import { bundleSuites, type SuiteBundle } from "./suite-bundle.ts";
import { type CpuSuite, cpuSuites } from "./suite-list.ts";
import type { SmallTokenizer, SuiteInput, TextInput } from "./suite-messages.ts";
import { type BenchTexts, benchTexts } from "./texts/bench-texts.ts";
import { listDatasetFiles } from "./texts/dataset-texts.ts";
import { TEXT_KINDS } from "./texts/text-kind.ts";

const SMALL = 6400;

/** Which figures to measure, and who hears of what is not one. */
export interface CpuOptions {
  /** Names of the figures that are wanted. */
  readonly names: ReadonlySet<string>;
  readonly onNote: (line: string) => void;
}

/** Measures the suites that have one of the figures; hands on those that are wanted. */
export async function* benchCpu({ names, onNote }: CpuOptions): AsyncGenerator<Figure> {
  const isWanted = (suite: CpuSuite): boolean => suite.figures.some((name) => names.has(name));
  const suites = cpuSuites.filter(isWanted).map(({ name }) => name);
  using bundle = await bundleSuites();
  const texts = suites.some((suite) => suite !== "fp8Codec") ? await prepare(bundle) : undefined;
  const origin = texts ? `; ${texts.origin}` : "";
  onNote(`${cpuName()}${origin}; bundled by esbuild as a build of the packages is, a process for each group`);
  for (const suite of suites) {
    const input = (scratch: string): SuiteInput => (suite === "fp8Codec" ? { suite } : { ...texts!, suite, scratch });
    for await (const figure of measureSuite({ bundle, suite, input })) if (names.has(figure.name)) yield figure;
  }
}

/** The texts of all suites and a small tokenizer for them. */
async function prepare({ folder }: SuiteBundle): Promise<Omit<TextInput, "suite" | "scratch">> {
  const datasets = listDatasetFiles(ROOT);
  const texts = benchTexts(ROOT, datasets, deepseekTokens);
  return { ...texts, deepseek: DEEPSEEK, small: await smallTokenizer(folder, datasets, texts) };
}

/** Of the data sets, or trained on the texts. */
async function smallTokenizer(
  folder: string,
  datasets: readonly string[],
  { texts }: BenchTexts,
): Promise<SmallTokenizer> {
  const found = datasets.find((file) => file.endsWith(".tokenizer.json") && vocabSizeOf(file) === SMALL);
  if (found !== undefined) return { path: found, origin: "6,400 tokens of a data set's tokenizer" };
  const all = TEXT_KINDS.flatMap((kind) => texts[kind]);
  const path = join(folder, "small.tokenizer.json");
  await writeFile(path, trainBpe(all, { vocabSize: SMALL, preTokenizer: "gpt2" }).toJson());
  return { path, origin: "6,400 tokens trained on the same text" };
}

function vocabSizeOf(file: string): number {
  return Object.keys(vocabularyOf(file)).length;
}

function vocabularyOf(file: string): Readonly<Record<string, number>> {
  const { model } = JSON.parse(readFileSync(file, "utf8")) as { model?: { vocab?: Record<string, number> } };
  return model?.vocab ?? {};
}

/** The tokens of DeepSeek-V3 that are whole characters, as text. */
function deepseekTokens(): string[] {
  const bytes = byteOfCharacter();
  return Object.keys(vocabularyOf(DEEPSEEK)).map((token) =>
    Buffer.from(Array.from(token, (character) => bytes.get(character) ?? 0)).toString(),
  );
}

/** GPT-2's alphabet: printable bytes stand for themselves, the others follow from U+0100 on. */
function byteOfCharacter(): Map<string, number> {
  const isPrintable = (byte: number): boolean => /[!-~¡-¬®-ÿ]/.test(String.fromCharCode(byte));
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const others = all.filter((byte) => !isPrintable(byte));
  return new Map([
    ...all.filter(isPrintable).map((byte): [string, number] => [String.fromCharCode(byte), byte]),
    ...others.map((byte, i): [string, number] => [String.fromCharCode(256 + i), byte]),
  ]);
}
