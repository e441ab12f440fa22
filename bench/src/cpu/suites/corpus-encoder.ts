import type { Tokenizer } from "@ds3/tokenizer";

/** Ids of DeepSeek-V3's tokens for fill-in-the-middle and for the end of a document. */
export interface FimIds {
  readonly fimBegin: number;
  readonly fimHole: number;
  readonly fimEnd: number;
  readonly eos: number;
}

/** They are in DeepSeek-V3's tokenizer.json. */
export function fimIdsOf(tokenizer: Tokenizer): FimIds {
  const id = (token: string): number => tokenizer.idOf(token)!;
  return {
    fimBegin: id("<｜fim▁begin｜>"),
    fimHole: id("<｜fim▁hole｜>"),
    fimEnd: id("<｜fim▁end｜>"),
    eos: id("<｜end▁of▁sentence｜>"),
  };
}

/** Bytes of the tokens that may be split: not of special ones, nor of ids without a token. */
export function bytesOfPlain(tokenizer: Tokenizer): (id: number) => Uint8Array | undefined {
  return (id) => (tokenizer.isSpecial(id) || tokenizer.tokenOf(id) === undefined ? undefined : tokenizer.bytesOf(id));
}
