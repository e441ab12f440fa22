import { FormatError } from "@ds3/errors";
import { Decompress } from "fzstd";
import type { XXHash } from "xxhash-wasm";
import { damaged } from "./damaged.ts";
import { type ZstdFrame, ZstdFrameFault, ZstdFrames } from "./zstd-frames.ts";

/** Bytes given to the decoder at once: few, since what they expand to is held together. */
const INPUT_BYTES = 1 << 14;

type NewHash = () => XXHash<bigint>;
let loading: Promise<NewHash> | undefined;

/**
 * The content of Zstandard data. Each frame's checksum and size are compared where it has them: the decoder does not, and
 * takes most damage for other text. A frame without a checksum, which the format allows, is as the decoder gives it.
 * A checksum stands at a frame's end, so what came of the frame before is damaged, too.
 * @throws FormatError of `op` naming file and byte.
 */
export async function* unzstd(chunks: AsyncIterable<Buffer>, path: string, op: string): AsyncGenerator<Buffer> {
  loading ??= import("xxhash-wasm")
    .then(({ default: load }) => load())
    .then(
      ({ create64 }) =>
        () =>
          create64(),
    );
  const content = new FrameContent(path, op, await loading);
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += INPUT_BYTES) {
      const { ready, error } = content.push(Uint8Array.prototype.slice.call(chunk, from, from + INPUT_BYTES));
      yield* ready; // what stands before the damage is not lost
      if (error !== undefined) throw error;
    }
  }
  content.finish();
}

/** Decodes frames, a decoder and a hash each. */
class FrameContent {
  readonly #path: string;
  readonly #op: string;
  readonly #newHash: NewHash;
  readonly #frames = new ZstdFrames();
  #ready: Buffer[] = [];
  #decoder: Decompress | undefined;
  #hash: XXHash<bigint>;
  #size = 0;

  constructor(path: string, op: string, newHash: NewHash) {
    this.#path = path;
    this.#op = op;
    this.#newHash = newHash;
    this.#hash = newHash();
  }

  /** Takes input that it may keep. */
  push(input: Uint8Array): { readonly ready: readonly Buffer[]; readonly error?: unknown } {
    this.#ready = [];
    try {
      for (let from = 0; from < input.length; ) {
        const end = this.#frames.advance(input, from);
        this.#decode(input.subarray(from, end < 0 ? input.length : end), end >= 0);
        if (end >= 0) this.#endFrame(this.#frames.frame);
        from = end < 0 ? input.length : end;
      }
      return { ready: this.#ready };
    } catch (error) {
      return { ready: this.#ready, error: this.#name(error) };
    }
  }

  finish(): void {
    if (!this.#frames.isBetween) throw damaged(this.#path, this.#op, "zstd", "a file that is cut off");
  }

  #decode(input: Uint8Array, isLast: boolean): void {
    this.#decoder ??= new Decompress((data) => {
      if (data.length === 0) return;
      this.#hash.update(data);
      this.#size += data.length;
      this.#ready.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    });
    this.#decoder.push(input, isLast);
  }

  #endFrame({ start, isData, checksum, size }: ZstdFrame): void {
    const found = Number(this.#hash.digest() & 0xffffffffn);
    const place = `in the frame that begins at byte ${start}`;
    if (isData && size !== undefined && size !== this.#size)
      throw this.#damage(`${this.#size} bytes of content, not the ${size} of its header, ${place}`);
    if (isData && checksum !== undefined && checksum !== found)
      throw this.#damage(`content of checksum ${hex(found)}, not ${hex(checksum)}, ${place}`);
    [this.#decoder, this.#hash, this.#size] = [undefined, this.#newHash(), 0];
  }

  #damage(what: string, cause?: unknown): FormatError {
    return damaged(this.#path, this.#op, "zstd", `damaged data (${what})`, cause);
  }

  /** Says where the decoder, or the walk over the frames, failed. */
  #name(cause: unknown): unknown {
    if (FormatError.is(cause)) return cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof ZstdFrameFault) return this.#damage(`${message}, at byte ${cause.at}`, cause);
    return this.#damage(`${message}, in the frame that begins at byte ${this.#frames.frame.start}`, cause);
  }
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}
