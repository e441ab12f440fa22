import { WordTable } from "../bpe/word-table.ts";
import { grown, IntBuffer } from "../growable.ts";

/** Pieces longer than this are seldom repeated: they are encoded each time and not kept. */
const CACHED_UNITS = 256;
/** The cache starts anew at this many pieces, which keeps it below some tens of MB on any text. */
const CACHED_PIECES = 1 << 18;

/** Encodes `text[from, to)`, appending ids to `out`. */
export type EncodePiece = (text: string, from: number, to: number, out: IntBuffer) => void;

/** The ids of short pieces, encoded once: a piece's ids depend on its text alone. */
export class PieceCache {
  readonly #encode: EncodePiece;
  readonly #pieces: WordTable = new WordTable();
  readonly #ids: IntBuffer = new IntBuffer(1 << 10);
  /** The ids of piece i are `#ids[#ends[i - 1], #ends[i])`. */
  #ends: Int32Array = new Int32Array(1 << 10);

  /** @param encode what to do for a piece that is not known yet */
  constructor(encode: EncodePiece) {
    this.#encode = encode;
  }

  /** Append the ids of `text[from, to)` to `out`. */
  encode(text: string, from: number, to: number, out: IntBuffer): void {
    if (to - from > CACHED_UNITS) {
      this.#encode(text, from, to, out);
      return;
    }
    if (this.#pieces.size >= CACHED_PIECES) this.#clear();
    const known = this.#pieces.size;
    const piece = this.#pieces.add(text, from, to);
    if (piece === known) this.#remember(piece, text, from, to);
    const { data } = this.#ids;
    const end = this.#ends[piece]!;
    for (let i = piece === 0 ? 0 : this.#ends[piece - 1]!; i < end; i++) out.push(data[i]!);
  }

  #remember(piece: number, text: string, from: number, to: number): void {
    try {
      this.#encode(text, from, to, this.#ids);
    } catch (error) {
      this.#clear(); // the piece is in the table already and must not be found without its ids
      throw error;
    }
    if (piece >= this.#ends.length) this.#ends = grown(this.#ends, piece + 1);
    this.#ends[piece] = this.#ids.length;
  }

  #clear(): void {
    this.#pieces.clear();
    this.#ids.length = 0;
  }
}
