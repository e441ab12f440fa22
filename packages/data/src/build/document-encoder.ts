import type { Document } from "../document.ts";
import { documentKey } from "../keyed-random.ts";
import { createFim } from "../packing/create-fim.ts";
import { createTokenSplitter } from "../packing/create-token-splitter.ts";
import type { CorpusEncoder } from "./build-config.ts";
import type { BuildSettings } from "./resolve-build.ts";

/** A document as it goes into a shard. */
export interface EncodedDocument {
  readonly ids: Int32Array;
  /** It was turned to fill-in-the-middle. */
  readonly isFim: boolean;
  /** Tokens that were split. */
  readonly splitTokens: number;
}

/** What takes documents to ids: fill-in-the-middle, begin and end, splitting. Each outcome follows from seed and document. */
export function createDocumentEncoder(
  encoder: CorpusEncoder,
  { fimRate, splitRate, seed }: Pick<BuildSettings, "fimRate" | "splitRate" | "seed">,
): (document: Document, epoch: number) => EncodedDocument {
  const encode = (text: string): ArrayLike<number> => encoder.encode(text);
  const { fim: fimIds, addedTokens: skip = [], eosId } = encoder;
  const eos = eosId === undefined ? {} : { eos: eosId };
  const fim =
    fimRate === 0 || !fimIds ? undefined : createFim({ ...fimIds, ...eos, rate: fimRate, seed, encode, skip });
  const splitter = splitRate === 0 ? undefined : splitterOf(encoder, splitRate, seed);
  const begin = encoder.bosId === undefined ? [] : [encoder.bosId];
  const end = eosId === undefined ? [] : [eosId];
  return (document, epoch) => {
    const key = documentKey(document, epoch);
    const rearranged = fim?.report().rearranged;
    const whole = fim === undefined ? join(encode(document.text), end) : fim.encode(document.text, key);
    const split = splitter?.report().split ?? 0;
    const ids = splitter === undefined ? whole : splitter.split(whole, key);
    return {
      ids: begin.length === 0 ? ids : join(begin, ids),
      isFim: fim?.report().rearranged !== rearranged,
      splitTokens: (splitter?.report().split ?? 0) - split,
    };
  };
}

function splitterOf(encoder: CorpusEncoder, probability: number, seed: number): ReturnType<typeof createTokenSplitter> {
  const { vocabSize } = encoder;
  return createTokenSplitter({
    vocabSize,
    bytesOf: (id) => encoder.bytesOf?.(id),
    encode: (text) => encoder.encode(text),
    probability,
    seed,
  });
}

function join(first: ArrayLike<number>, second: ArrayLike<number>): Int32Array {
  const joined = new Int32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
