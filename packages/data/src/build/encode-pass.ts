/** The last pass: documents of all sources, mixed, become ids in shards. */
import { join } from "node:path";
import { createShardWriter } from "../shards/create-shard-writer.ts";
import type { ShardIndex } from "../shards/shard-index.ts";
import type { BuildContext } from "./build-context.ts";
import { CLEAN } from "./clean-pass.ts";
import { createDocumentEncoder, type EncodedDocument } from "./document-encoder.ts";
import { KEEP } from "./keep-pass.ts";
import { type MixedDocument, mixDocuments } from "./mixed-documents.ts";
import type { PassState } from "./pass-state.ts";
import { planMix } from "./plan-mix.ts";
import { fingerprintOf } from "./resolve-build.ts";
import { searchesOf } from "./search-duplicates.ts";

/** What the pass did; lies in the index as the cursor of its last document. */
export interface EncodeFigures {
  readonly documents: number;
  /** UTF-8 bytes of text. */
  readonly bytes: number;
  readonly tokens: number;
  /** Documents turned to fill-in-the-middle. */
  readonly fimDocuments: number;
  /** Tokens that were split. */
  readonly splitTokens: number;
  /** Bytes of text by source. */
  readonly sourceBytes: readonly number[];
}

/** The finished set, and what went into it. */
export interface Encoded {
  readonly index: ShardIndex;
  readonly figures: EncodeFigures;
  /** How often documents of each source come. */
  readonly repeats: readonly number[];
  /** Time in the encoder in this call, and the bytes of text that it was for: not in the index, which is always the same. */
  readonly seconds: number;
  readonly bytesEncoded: number;
}

/**
 * Encode what is left of all sources, or go on with it.
 * @throws ConfigError for a folder of shards that was made otherwise; ShardError, DiskWriteError, DiskFullError; and what
 * the encoder throws.
 */
export async function runEncodePass(build: BuildContext, kept: PassState<unknown>): Promise<Encoded> {
  const { settings, encoder, sources } = build;
  const { out, shardTokens, seed } = settings;
  const made = { ...fingerprintOf(settings, encoder) };
  const writer = await createShardWriter(out, {
    vocabSize: encoder.vocabSize,
    shardTokens,
    resume: true,
    settings: made,
  });
  const parts = sources.map((_, source) => kept.parts.filter((part) => part.source === source));
  const bytes = parts.map((each) => each.reduce((sum, part) => sum + part.bytes, 0));
  const repeats = planMix(sources, bytes, settings.mix);
  const encode = createDocumentEncoder(encoder, settings);
  let figures = (writer.committed.cursor as EncodeFigures | null) ?? noFigures(sources.length);
  if (writer.complete) return { index: await writer.finish(), figures, repeats, seconds: 0, bytesEncoded: 0 };
  const folder = join(build.work, searchesOf(settings).length === 0 ? CLEAN : KEEP);
  const mixed = mixDocuments(
    folder,
    parts.map((each, s) => ({ parts: each, repeat: repeats[s]! })),
    seed,
  );
  const total = Math.round(parts.reduce((sum, each, s) => sum + repeats[s]! * countOf(each), 0));
  const before = figures.bytes;
  let seconds = 0;
  let toSkip = writer.committed.documents;
  for await (const item of mixed) {
    if (toSkip-- > 0) continue;
    const start = performance.now();
    const encoded = encode(item);
    seconds += (performance.now() - start) / 1000;
    figures = addFigures(figures, item, encoded);
    const { weight = 1 } = item.document;
    await writer.add(encoded.ids, { corpus: sources[item.source]!.name, weight, cursor: figures });
    if (figures.documents % 64 === 0) build.requireRunning();
    build.progress({ stage: "encode", documents: figures.documents, total, bytes: figures.bytes });
  }
  return { index: await writer.finish(), figures, repeats, seconds, bytesEncoded: figures.bytes - before };
}

function noFigures(sources: number): EncodeFigures {
  const sourceBytes = Array.from({ length: sources }, () => 0);
  return { documents: 0, bytes: 0, tokens: 0, fimDocuments: 0, splitTokens: 0, sourceBytes };
}

function addFigures(figures: EncodeFigures, { bytes, source }: MixedDocument, encoded: EncodedDocument): EncodeFigures {
  return {
    documents: figures.documents + 1,
    bytes: figures.bytes + bytes,
    tokens: figures.tokens + encoded.ids.length,
    fimDocuments: figures.fimDocuments + (encoded.isFim ? 1 : 0),
    splitTokens: figures.splitTokens + encoded.splitTokens,
    sourceBytes: figures.sourceBytes.map((each, s) => each + (s === source ? bytes : 0)),
  };
}

function countOf(parts: PassState<unknown>["parts"]): number {
  return parts.reduce((sum, { documents }) => sum + documents, 0);
}
