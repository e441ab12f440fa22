import type { EmitPiece } from "../pre-tokenizer.ts";
import { Utf8Buffer } from "../utf8.ts";
import type { Scanner } from "./scanner.ts";

/** Ends of pieces are handed over in blocks of this many. */
const BLOCK = 1024;

/** A splitter that has a scanner: whoever has UTF-8 at hand takes the scanner itself. */
export class ScannerSplitter {
  readonly scanner: Scanner;
  readonly #utf8: Utf8Buffer = new Utf8Buffer();
  readonly #ends: Int32Array = new Int32Array(BLOCK);

  constructor(scanner: Scanner) {
    this.scanner = scanner;
  }

  /** Call `emit` for each piece of a well-formed text. Offsets are UTF-16 units. */
  split(text: string, emit: EmitPiece): void {
    const length = this.#utf8.write(text);
    // `emit` may split another text: what is still needed must not lie in the shared buffer.
    const bytes = this.#utf8.bytes.slice(0, length);
    const ends = this.#ends.slice();
    for (let at = 0, unit = 0; at < length; ) {
      const count = this.scanner.scan(bytes, at, length, ends);
      for (let i = 0; i < count; i++) {
        const from = unit;
        unit += countUnits(bytes, at, ends[i]!);
        at = ends[i]!;
        emit(from, unit);
      }
    }
  }
}

/** UTF-16 units of a range of UTF-8: one for each character, two beyond the basic plane. */
function countUnits(bytes: Uint8Array, from: number, to: number): number {
  let units = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
