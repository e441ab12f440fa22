/** The last pass: documents of all sources, mixed, become ids in shards. */
import { join } from "node:path";
import { EmptyDataError } from "../empty-data-error.ts";
import type { MixCursor, MixReport } from "../mixing/mix-types.ts";
import { createShardWriter } from "../shards/create-shard-writer.ts";
import type { ShardIndex } from "../shards/shard-index.ts";
import { utf8Length } from "../utf8-length.ts";
import type { BuildContext } from "./build-context.ts";
import { CLEAN } from "./clean-pass.ts";
import { createDocumentEncoder, type EncodedDocument } from "./document-encoder.ts";
import { KEEP } from "./keep-pass.ts";
import { mixKept } from "./mix-kept.ts";
import type { PassState } from "./pass-state.ts";
import { fingerprintOf } from "./resolve-build.ts";
import { searchesOf } from "./search-duplicates.ts";

/** What the pass did so far. */
export interface EncodeFigures {
  readonly documents: number;
  /** UTF-8 bytes of text. */
  readonly bytes: number;
  readonly tokens: number;
  /** Documents turned to fill-in-the-middle. */
  readonly fimDocuments: number;
  /** Tokens that were split. */
  readonly splitTokens: number;
}

/** Goes into the index with each document: from here a resumed pass goes on. */
interface EncodeCursor {
  readonly figures: EncodeFigures;
  readonly mix: MixCursor;
}

/** The finished set, and what went into it. */
export interface Encoded {
  readonly index: ShardIndex;
  readonly figures: EncodeFigures;
  readonly mix: MixReport;
  /** Time in the encoder in this call, and the bytes of text that it was for: not in the index, which is always the same. */
  readonly seconds: number;
  readonly bytesEncoded: number;
}

/**
 * Encode what is left of all sources, or go on with it.
 * @throws ConfigError for a folder of shards that was made otherwise; EmptyDataError for a source with a weight of which
 * nothing is left; ShardError, DiskWriteError, DiskFullError; and what the encoder throws.
 */
export async function runEncodePass(build: BuildContext, kept: PassState<unknown>): Promise<Encoded> {
  const { settings, encoder } = build;
  const { out, work, shardTokens } = settings;
  const { vocabSize } = encoder;
  const made = fingerprintOf(settings, encoder);
  await using writer = await createShardWriter(out, { vocabSize, shardTokens, resume: true, settings: made });
  const cursor = (writer.committed.cursor as EncodeCursor | null) ?? undefined;
  const folder = join(work, searchesOf(settings).length === 0 ? CLEAN : KEEP);
  const mix = await mixKept(build, folder, kept.parts, cursor?.mix);
  const weights = new Map(build.sources.map(({ name, lossWeight = 1 }) => [name, lossWeight]));
  const encode = createDocumentEncoder(encoder, settings);
  let figures = cursor?.figures ?? { documents: 0, bytes: 0, tokens: 0, fimDocuments: 0, splitTokens: 0 };
  const before = figures.bytes;
  const totalBytes = mix.report().sources.reduce((sum, { epochs, size }) => sum + epochs * size, 0);
  let seconds = 0;
  if (writer.complete) return { index: await writer.finish(), figures, mix: mix.report(), seconds, bytesEncoded: 0 };
  for await (const { document, source, epoch } of mix) {
    const start = performance.now();
    const encoded = encode(document, epoch);
    seconds += (performance.now() - start) / 1000;
    figures = addFigures(figures, utf8Length(document.text), encoded);
    const next: EncodeCursor = { figures, mix: mix.cursor() };
    await writer.add(encoded.ids, { corpus: source, weight: weights.get(source)!, cursor: next });
    if (figures.documents % 64 === 0) build.requireRunning();
    build.progress({ stage: "encode", documents: figures.documents, bytes: figures.bytes, totalBytes });
  }
  if (figures.documents === 0) throw nothingDrawn();
  const index = await writer.finish();
  return { index, figures, mix: mix.report(), seconds, bytesEncoded: figures.bytes - before };
}

function nothingDrawn(): EmptyDataError {
  const [expected, actual] = [
    "at least one document in the shards",
    "none: every source is left out or drawn too seldom",
  ];
  return new EmptyDataError({
    op: "buildCorpus",
    operand: "repeat",
    expected,
    actual,
    hint: "Raise a source's repeat.",
  });
}

function addFigures(
  figures: EncodeFigures,
  bytes: number,
  { ids, isFim, splitTokens }: EncodedDocument,
): EncodeFigures {
  return {
    documents: figures.documents + 1,
    bytes: figures.bytes + bytes,
    tokens: figures.tokens + ids.length,
    fimDocuments: figures.fimDocuments + (isFim ? 1 : 0),
    splitTokens: figures.splitTokens + splitTokens,
  };
}
