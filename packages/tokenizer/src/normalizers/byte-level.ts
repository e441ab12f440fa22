import { charOfByte } from "../byte-alphabet.ts";
import type { Normalizer } from "./normalizer.ts";
import { rewriteCharacters } from "./rewrite.ts";

const encoder = new TextEncoder();
const notPrintableAscii = /[^!-~]/gu;
const cacheLimit = 1 << 16;
const cache = new Map<string, string>();

/** Every byte of the text's UTF-8 becomes its printable stand-in (HF's ByteLevel as a normalizer). */
export const byteLevelNormalizer: Normalizer = {
  normalize: (input) => rewriteCharacters(input, notPrintableAscii, standIns),
};

function standIns(character: string): string {
  const known = cache.get(character);
  if (known !== undefined) return known;
  const text = Array.from(encoder.encode(character), charOfByte).join("");
  if (cache.size < cacheLimit) cache.set(character, text);
  return text;
}
