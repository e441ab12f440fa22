import type { CodeFormat } from "@ds3/fp8-codec";

/** Codes one an element, out of a matrix's words: 4 codes a word, e5m6 8 codes of 12 bits in 3 words. */
export function unpackCodes(words: Uint32Array, rows: number, columns: number, format: CodeFormat): Uint16Array {
  const bits = format === "e5m6" ? 12 : 8;
  const wordsPerRow = rows === 0 ? 0 : words.length / rows;
  const codes = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const word = row * wordsPerRow + Math.floor((column * bits) / 32);
      const shift = (column * bits) % 32;
      const low = words[word]! >>> shift;
      const high = shift + bits > 32 ? words[word + 1]! << (32 - shift) : 0;
      codes[row * columns + column] = (low | high) & (2 ** bits - 1);
    }
  }
  return codes;
}
