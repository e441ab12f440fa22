import { createHash } from "node:crypto";
import {
  type Batch,
  type BatchCursor,
  createBatches,
  type Document,
  EmptyDataError,
  type PackedTokens,
  packDocuments,
  type SplitResult,
} from "@ds3/data";
import { deepseekPresets, type TrainingBatch } from "@ds3/deepseek";
import type { Tokenizer } from "@ds3/tokenizer";
import type { BatchSource } from "@ds3/trainer";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";

/** A batch of validation windows, with how many targets count. */
export interface ValidationBatch extends TrainingBatch {
  readonly targetCount: number;
}

/** The tokens of a run as training, validation and baseline take them. */
export interface TokenData {
  readonly batches: BatchSource<TrainingBatch>;
  /** A fixed sample of the validation documents' windows. */
  readonly validation: readonly ValidationBatch[];
  /** Ids of each validation window, its last target included. */
  readonly validationWindows: readonly Int32Array[];
  /** Tokens that are predicted in validation. */
  readonly validated: number;
  /** Mean UTF-8 bytes behind a validation target; special tokens stand for none. */
  readonly bytesPerToken: number;
  /** Ids of every window that training consumes, last target included; each once, even when epochs repeat it. */
  consumedWindows(): Iterable<Int32Array>;
  /** Tells other tokens, or another tokenizer, apart. */
  readonly fingerprint: string;
}

/**
 * Encodes and packs the documents, each between begin and end token, and cuts them to windows.
 * @throws EmptyDataError when the training documents do not fill one batch.
 */
export async function prepareTokens(
  { train, validation }: SplitResult<Document>,
  tokenizer: Tokenizer,
  { preset, seed }: QuickstartOptions,
  plan: RunPlan,
  terminal: Terminal,
): Promise<TokenData> {
  const { bosTokenId: bosId, eosTokenId: eosId } = deepseekPresets[preset].config;
  const borders = { bosId: bosId!, eosId: eosId! };
  const encode = (text: string): Int32Array => tokenizer.encode(text);
  const packed = await packDocuments(train, encode, borders);
  requireOneBatch(packed, plan);
  const heldOut = await packDocuments(validation, encode, borders);
  const validationBatches = [...sampleValidation(heldOut, plan, seed)];
  const validationWindows = validationBatches.flatMap((batch) => windowsOf(batch, plan.sequenceLength));
  const targets = validationWindows.flatMap((window) => [...window.subarray(1)]);
  const bytes = targets.reduce((sum, id) => sum + (tokenizer.isSpecial(id) ? 0 : tokenizer.bytesOf(id).length), 0);
  const consumed = plan.steps * plan.batchSize * plan.sequenceLength;
  const share = `${formatCount(packed.tokens.length)} training tokens, of which the run takes ${formatCount(consumed)}`;
  terminal.print(stageLine("tokens", consumed < packed.tokens.length ? share : `${share} (some more than once)`));
  return {
    batches: trainingBatches(packed, plan, seed),
    validation: validationBatches.map((batch) => ({ ...toTraining(batch, plan), targetCount: batch.targetCount })),
    validationWindows,
    validated: targets.length,
    bytesPerToken: bytes / targets.length,
    consumedWindows: () => consumedWindows(packed, plan, seed),
    fingerprint: fingerprint(packed.tokens, heldOut.tokens),
  };
}

function requireOneBatch({ tokens }: PackedTokens, { batchSize, sequenceLength }: RunPlan): void {
  const needed = batchSize * sequenceLength + 1;
  if (tokens.length >= needed) return;
  throw new EmptyDataError({
    op: "quickstart",
    operand: "training documents",
    expected: `at least ${formatCount(needed)} tokens, one batch of ${batchSize} windows of ${sequenceLength}`,
    actual: formatCount(tokens.length),
    hint: "Give more text with --data; a few hundred kilobytes are the least that teaches a model anything.",
  });
}

function trainingBatches(packed: PackedTokens, plan: RunPlan, seed: number): BatchSource<TrainingBatch> {
  const { batchSize, sequenceLength } = plan;
  const iterator = createBatches({ ...packed, batchSize, sequenceLength, seed });
  return {
    tokensPerBatch: batchSize * sequenceLength,
    next: () => toTraining(iterator.next().value!, plan),
    cursor: () => iterator.cursor(),
    seek: (cursor) => iterator.seek(cursor as BatchCursor),
  };
}

/** Windows are drawn, not taken from the front: the front would be the first source alone. */
function* sampleValidation(heldOut: PackedTokens, plan: RunPlan, seed: number): Generator<Batch> {
  const { batchSize, sequenceLength, validationWindows } = plan;
  const batches = createBatches({ ...heldOut, batchSize, sequenceLength, seed, epochs: 1 });
  for (let windows = 0; windows < validationWindows; windows += batchSize) {
    const { value } = batches.next();
    if (value === undefined) return;
    yield value;
  }
}

function* consumedWindows(packed: PackedTokens, plan: RunPlan, seed: number): Generator<Int32Array> {
  const { sequenceLength, steps, batchSize } = plan;
  // The order of the windows depends on the seed alone, so one by one they come as in the training batches.
  const rows = createBatches({ ...packed, batchSize: 1, sequenceLength, seed, epochs: 1 });
  const count = Math.min(steps * batchSize, rows.rowsPerEpoch);
  for (let row = 0; row < count; row++) yield* windowsOf(rows.next().value!, sequenceLength);
}

/** Each row's ids up to its last target; rows without a target are left out. */
function windowsOf({ inputs, targets }: Batch, T: number): Int32Array[] {
  const rows = Array.from({ length: inputs.length / T }, (_, row) => {
    const rowTargets = targets.subarray(row * T, (row + 1) * T);
    const counted = rowTargets.findLastIndex((target) => target >= 0) + 1;
    return Int32Array.of(...inputs.subarray(row * T, row * T + 1), ...rowTargets.subarray(0, counted));
  });
  return rows.filter((row) => row.length > 1);
}

function toTraining({ inputs, targets }: Batch, { batchSize, sequenceLength }: RunPlan): TrainingBatch {
  return { inputs, targets, batch: batchSize, length: sequenceLength };
}

function fingerprint(...parts: readonly Int32Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("|");
  return hash.digest("hex").slice(0, 16);
}
