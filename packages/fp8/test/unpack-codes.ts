import type { CodeFormat } from "@ds3/fp8-codec";

/** Codes one an element, out of a matrix's words: 4 codes a word, e5m6 8 codes of 12 bits in 3 words. */
export function unpackCodes(words: Uint32Array, rows: number, columns: number, format: CodeFormat): Uint16Array {
  const bits = format === "e5m6" ? 12 : 8;
  const wordsPerRow = rows === 0 ? 0 : words.length / rows;
  return Uint16Array.from({ length: rows * columns }, (_, i) => {
    const first = (i % columns) * bits;
    const word = Math.floor(i / columns) * wordsPerRow + Math.floor(first / 32);
    const pair = BigInt(words[word]!) | (BigInt(words[word + 1] ?? 0) << 32n);
    return Number((pair >> BigInt(first % 32)) & BigInt(2 ** bits - 1));
  });
}
