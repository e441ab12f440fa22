import { createHash } from "node:crypto";
import { loadDemoTexts } from "@ds3/cli/demo-texts";
import {
  type Batch,
  createBatches,
  type Document,
  EmptyDataError,
  type PackedTokens,
  packDocuments,
  splitDocuments,
} from "@ds3/data";
import { readDocuments } from "@ds3/data/node";
import { deepseekPresets } from "@ds3/deepseek";
import { trainBpe } from "@ds3/tokenizer";
import type { StudyPlan } from "./study-config.ts";

/** The tokens of all runs. */
export interface StudyData {
  /** Of the tokenizer. */
  readonly vocabSize: number;
  readonly training: PackedTokens;
  readonly heldOut: readonly Batch[];
  /** Tells other tokens, or another tokenizer, apart. */
  readonly fingerprint: string;
}

/** Where the text comes from: files, or by default the demo texts. */
export interface StudyTexts {
  readonly data: readonly string[] | undefined;
  /** Field that holds the text in .jsonl, .csv and .tsv files. */
  readonly column: string;
}

/**
 * Text to tokens: the same for every run, so that two of one seed differ in nothing but their arithmetic.
 *
 * `batches` is how many the longest course reads, a run and what continues it: the steps of a run by default.
 *
 * @throws EmptyDataError when a course would see a token twice; what reading files and loading the demo texts throw.
 */
export async function prepareData(
  texts: StudyTexts,
  plan: StudyPlan,
  onNotice: (line: string) => void,
  batches: number = plan.steps,
): Promise<StudyData> {
  const documents = await readTexts(texts, onNotice);
  const { train, validation } = splitDocuments(documents, { validationFraction: plan.heldOutFraction });
  const { specialTokens, config } = deepseekPresets.mini;
  const tokenizer = trainBpe(
    train.map(({ text }) => text),
    { vocabSize: plan.vocabSize, specialTokens: [...specialTokens] },
  );
  const borders = { bosId: config.bosTokenId!, eosId: config.eosTokenId! };
  const pack = (from: readonly Document[]): Promise<PackedTokens> =>
    packDocuments(from, (text) => tokenizer.encode(text), borders);
  const [training, kept] = [await pack(train), await pack(validation)];
  requireEnough(training, plan, batches);
  const windows = { batchSize: plan.batchSize, sequenceLength: plan.sequenceLength, epochs: 1 };
  const heldOut = [...createBatches({ ...kept, ...windows })].slice(0, plan.heldOutBatches);
  return { vocabSize: tokenizer.vocabSize, training, heldOut, fingerprint: fingerprint(training.tokens, kept.tokens) };
}

async function readTexts({ data, column }: StudyTexts, onNotice: (line: string) => void): Promise<Document[]> {
  if (data === undefined) return loadDemoTexts({ onNotice });
  const documents: Document[] = [];
  for await (const document of readDocuments(data, { column, textKey: column })) documents.push(document);
  return documents;
}

function requireEnough({ tokens }: PackedTokens, { batchSize, sequenceLength }: StudyPlan, batches: number): void {
  const needed = batches * batchSize * sequenceLength + 1;
  if (tokens.length >= needed) return;
  throw new EmptyDataError({
    op: "fp8-study",
    operand: "training documents",
    expected: `at least ${needed} tokens, so that ${batches} steps see none twice`,
    actual: `${tokens.length}`,
    hint: "Give more text with --data, or fewer steps.",
  });
}

function fingerprint(...parts: readonly Int32Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("|");
  return hash.digest("hex").slice(0, 16);
}
