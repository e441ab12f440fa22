import { WORST_PIPELINES } from "./worst-pipelines.ts";

/** Figures that need no GPU, in groups that are measured together, each in a process of its own. */
export interface CpuSuite {
  readonly name: SuiteName;
  /** Names of its figures, in order. */
  readonly figures: readonly string[];
}

/** Suites of an ordinary run that work on texts. */
export type TextSuiteName = "deepseek" | "v6400" | "worst" | "reading" | "stages" | "dedup" | "tokens" | "shards";

/** Suites of an ordinary run. */
export type SuiteName = TextSuiteName | "fp8Codec";

/** What a suite of encoding measures, for `tokenizer.encode.NAME`. */
function encodingFigures(name: string): string[] {
  const own = `tokenizer.encode.${name}`;
  const kinds = ["", ".english", ".chinese", ".code"];
  return [
    ...kinds.map((kind) => `${own}.warm${kind}`),
    ...kinds.map((kind) => `${own}.cold${kind}`),
    `${own}.cold.first`,
    `${own}.warm.tokenizers`,
    `${own}.cold.tokenizers`,
    `${own}.warm.hf-js`,
    `ratio.${own}.warm.vs.tokenizers`,
    `ratio.${own}.cold.vs.tokenizers`,
    `ratio.${own}.warm.vs.hf-js`,
  ];
}

/** Repeated characters: DeepSeek's tokenizer, then the small ones. */
function worstFigures(): string[] {
  const kinds = ["letter", "han", "spaces"];
  const small = WORST_PIPELINES.flatMap((name) => [...kinds, "accents"].map((kind) => `${name}.${kind}`));
  return [...kinds, ...small].map((kind) => `tokenizer.worst.${kind}`);
}

/** Codecs of elements, then of matrices with scales. */
function codecFigures(): string[] {
  const elements = ["e4m3fn", "e5m2", "e5m6"].flatMap((format) => [`encode.${format}`, `decode.${format}`]);
  const matrices = ["row", "column", "block"].map((tiling) => `quantize.${tiling}`);
  return [...elements, ...matrices, "dequantize.block", "limited-product"].map((name) => `fp8-codec.${name}`);
}

/** Every suite of an ordinary run, in order. */
export const cpuSuites: readonly CpuSuite[] = [
  { name: "deepseek", figures: encodingFigures("deepseek") },
  { name: "v6400", figures: encodingFigures("v6400") },
  { name: "worst", figures: worstFigures() },
  { name: "reading", figures: ["jsonl", "csv", "parquet"].map((format) => `data.read.${format}`) },
  {
    name: "stages",
    figures: ["normalize", "language", "gopherRepetition", "gopherQuality", "c4", "fineweb"].map(
      (stage) => `data.${stage}`,
    ),
  },
  { name: "dedup", figures: ["data.dedup.exact", "data.dedup.minHash"] },
  { name: "tokens", figures: ["data.fim", "data.split-tokens", "data.pack.best-fit"] },
  { name: "shards", figures: ["data.shards.write", "data.shards.load.stream", "data.shards.load.best-fit"] },
  { name: "fp8Codec", figures: codecFigures() },
];
