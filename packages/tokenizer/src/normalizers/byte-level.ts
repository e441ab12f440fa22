import { charOfByte } from "../byte-alphabet.ts";
import type { Normalizer } from "./normalizer.ts";
import { rewriteCharacters } from "./rewrite.ts";

const encoder = new TextEncoder();
// Typed arrays are little-endian on every machine that runs JavaScript engines with WebGPU.
const decoder = new TextDecoder("utf-16le");
const notPrintableAscii = /[^!-~]/gu;
const cacheLimit = 1 << 16;
const cache = new Map<string, string>();

const standInCodes = Uint16Array.from({ length: 256 }, (_, byte) => charOfByte(byte).charCodeAt(0));

/** Every byte of the text's UTF-8 becomes its printable stand-in (HF's ByteLevel as a normalizer). */
export const byteLevelNormalizer: Normalizer = {
  normalize(input) {
    if (input.origin !== undefined) return rewriteCharacters(input, notPrintableAscii, standIns);
    if (!/[^!-~]/.test(input.text)) return input;
    return { text: standInsOf(input.text), atStart: input.atStart };
  },
};

function standInsOf(text: string): string {
  const bytes = encoder.encode(text);
  const codes = new Uint16Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) codes[i] = standInCodes[bytes[i]!]!;
  return decoder.decode(codes);
}

function standIns(character: string): string {
  const known = cache.get(character);
  if (known !== undefined) return known;
  const text = Array.from(encoder.encode(character), charOfByte).join("");
  if (cache.size < cacheLimit) cache.set(character, text);
  return text;
}
