import { createGunzip, type Gunzip } from "node:zlib";
import { damaged } from "./damaged.ts";

/** Bytes given to the decoder at once: few, since what they expand to is held together. */
const INPUT_BYTES = 1 << 15;

/** What came of some input. */
interface Output {
  readonly ready: readonly Buffer[];
  readonly error?: Error;
}

/**
 * The content of gzip data, one member or several; all that stands before a damage comes before the error.
 * @param read begins to read the file anew, in pieces of at most so many bytes; a piece is valid until the next is asked for.
 * @throws FormatError of `op` naming the file and the bytes that the damage is noticed in.
 */
export async function* gunzip(
  read: (pieceBytes: number) => AsyncIterable<Buffer>,
  { path, op, chunkBytes }: { readonly path: string; readonly op: string; readonly chunkBytes: number },
): AsyncGenerator<Buffer> {
  const decoder = new GzipDecoder(chunkBytes);
  let [consumed, given] = [0, 0];
  try {
    for await (const piece of read(INPUT_BYTES)) {
      const { ready, error } = await decoder.push(piece);
      yield* ready;
      given += ready.reduce((sum, { length }) => sum + length, 0);
      if (error !== undefined) {
        yield* lastBytes(read(INPUT_BYTES), consumed, given);
        const place = `in bytes ${consumed} to ${consumed + piece.length - 1} of the file`;
        throw damaged(path, op, "gzip", `damaged data (${error.message}, ${place})`, error);
      }
      consumed += piece.length;
    }
    const { ready, error } = await decoder.finish();
    yield* ready;
    if (error !== undefined) throw damaged(path, op, "gzip", "a file that is cut off", error);
  } finally {
    decoder.close();
  }
}

/** The decoder keeps back what it made of the input in which it finds damage: that is given to it again, byte by byte. */
async function* lastBytes(pieces: AsyncIterable<Buffer>, consumed: number, given: number): AsyncGenerator<Buffer> {
  const decoder = new GzipDecoder(1 << 16);
  let [at, skip] = [0, given];
  try {
    for await (const piece of pieces) {
      const step = at < consumed ? piece.length : 1;
      for (let from = 0; from < piece.length; from += step) {
        const { ready, error } = await decoder.push(piece.subarray(from, from + step));
        for (const bytes of ready) {
          if (bytes.length > skip) yield bytes.subarray(skip);
          skip = Math.max(0, skip - bytes.length);
        }
        if (error !== undefined) return;
      }
      at += piece.length;
    }
  } finally {
    decoder.close();
  }
}

/** Node's decoder, asked for what comes of each piece of input. */
class GzipDecoder {
  readonly #gunzip: Gunzip;
  #ready: Buffer[] = [];
  #settle: (error?: Error | null) => void = () => {};

  constructor(chunkBytes: number) {
    this.#gunzip = createGunzip({ chunkSize: Math.max(chunkBytes, 64) });
    this.#gunzip.on("data", (bytes: Buffer) => this.#ready.push(bytes));
    this.#gunzip.on("error", (error) => this.#settle(error)); // a write that fails does not call back
    this.#gunzip.on("end", () => this.#settle());
  }

  push(piece: Uint8Array): Promise<Output> {
    return this.#outputOf((done) => this.#gunzip.write(piece, done));
  }

  finish(): Promise<Output> {
    return this.#outputOf(() => this.#gunzip.end());
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #outputOf(work: (done: (error?: Error | null) => void) => void): Promise<Output> {
    return new Promise((resolve) => {
      this.#settle = (error) => {
        const ready = this.#ready;
        this.#ready = [];
        this.#settle = () => {};
        resolve(error ? { ready, error } : { ready });
      };
      work((error) => this.#settle(error));
    });
  }
}
