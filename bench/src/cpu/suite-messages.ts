import type { ErrorDetails } from "@ds3/errors";
import type { Figure } from "../figure.ts";
import type { TextSuiteName } from "./suite-list.ts";
import type { BenchTexts } from "./texts/bench-texts.ts";

/** A figure before it is known where it was measured. */
export type CpuFigure = Omit<Figure, "adapter">;

/** A tokenizer.json, and where it is from, for a note. */
export interface SmallTokenizer {
  readonly path: string;
  readonly origin: string;
}

/** What the process of a suite that works on texts is given, as a JSON file. */
export interface TextInput extends BenchTexts {
  readonly suite: TextSuiteName;
  /** DeepSeek-V3's tokenizer.json. */
  readonly deepseek: string;
  /** A tokenizer.json of 6,400 tokens. */
  readonly small: SmallTokenizer;
  /** An empty folder of its own. */
  readonly scratch: string;
}

/** The same for a suite that reads files. */
export interface CorpusInput {
  readonly deepseek: string;
  readonly scratch: string;
  /** The file or folder to read. */
  readonly corpus: string;
  /** What is in it, for a note. */
  readonly origin: string;
}

/** The same for a suite that makes its numbers itself. */
export interface NumbersInput {
  readonly suite: "fp8Codec";
}

export type SuiteInput =
  | TextInput
  | NumbersInput
  | (CorpusInput & { readonly suite: "training" })
  | (CorpusInput & { readonly suite: "memory" });

/** What such a process prints, a line of JSON each. */
export type SuiteMessage =
  | { readonly type: "figure"; readonly figure: CpuFigure }
  | { readonly type: "error"; readonly error: ErrorDetails };

/** A suite: its figures, each as soon as it is measured. */
export type RunSuite<Input extends TextInput | CorpusInput | NumbersInput> = (
  input: Input,
) => AsyncGenerator<CpuFigure>;
