/** Where the frames of a Zstandard file end, and which checksums they have: RFC 8878, section 3. */

/** What is known of a frame when it is over. */
export interface ZstdFrame {
  /** Where it begins in the file. */
  readonly start: number;
  /** It holds data; a skippable frame does not. */
  readonly isData: boolean;
  /** Low 32 bits of XXH64 of its content; absent where the frame has none. */
  readonly checksum: number | undefined;
  /** Bytes of its content; absent where the frame does not say. */
  readonly size: number | undefined;
}

/** Something that no frame has. */
export class ZstdFrameFault extends Error {
  /** Its place in the file. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;
type Part = "start" | "header" | "skippable" | "block" | "checksum" | "end";

/** Walks over the frames of a file in pieces of any size, looking at nothing but headers. */
export class ZstdFrames {
  #part: Part = "start";
  /** What of a header was seen, of `wanted` bytes; behind it `skip` bytes are passed over. */
  #head: number[] = [];
  #wanted = 5;
  #skip = 0;
  #position = 0;
  #frame: ZstdFrame = { start: 0, isData: true, checksum: undefined, size: undefined };
  #hasChecksum = false;
  #isLastBlock = false;

  /** Between two frames, where a file may end. */
  get isBetween(): boolean {
    return this.#part === "start" && this.#head.length === 0;
  }

  /** The frame that the last bytes belong to, or that ended last. */
  get frame(): ZstdFrame {
    return this.#frame;
  }

  /** Walk on from `from`: to behind the frame's end, or -1 when it is not among the bytes. @throws ZstdFrameFault */
  advance(bytes: Uint8Array, from: number): number {
    for (let at = from; ; ) {
      const passed = Math.min(this.#skip, bytes.length - at);
      this.#skip -= passed;
      this.#position += passed;
      at += passed;
      while (this.#skip === 0 && this.#head.length < this.#wanted && at < bytes.length) {
        this.#head.push(bytes[at++]!);
        this.#position++;
      }
      if (this.#skip > 0 || this.#head.length < this.#wanted) return -1;
      this.#take();
      if (this.#part !== "end" || this.#skip > 0) continue;
      this.#next("start", 5);
      return at;
    }
  }

  #next(part: Part, wanted: number, skip = 0): void {
    [this.#part, this.#wanted, this.#skip, this.#head] = [part, wanted, skip, []];
  }

  #take(): void {
    if (this.#part === "start") this.#takeStart();
    else if (this.#part === "header") this.#takeHeader();
    else if (this.#part === "skippable") this.#next("end", 0, this.#number(4, 4));
    else if (this.#part === "block" && this.#isLastBlock) this.#finishBlocks();
    else if (this.#part === "block") this.#takeBlock();
    else if (this.#part === "checksum") this.#takeChecksum();
  }

  #takeStart(): void {
    const start = this.#position - 5;
    const magic = this.#number(0, 4);
    this.#frame = { start, isData: magic === MAGIC, checksum: undefined, size: undefined };
    if (magic >>> 4 === SKIPPABLE) [this.#part, this.#wanted] = ["skippable", 8];
    else if (magic !== MAGIC) throw new ZstdFrameFault("no frame begins here", start);
    else [this.#part, this.#wanted] = ["header", 5 + this.#headerBytes()];
  }

  /** Bytes of window, dictionary and content size behind the descriptor. */
  #headerBytes(): number {
    const descriptor = this.#head[4]!;
    if (descriptor & 8) throw new ZstdFrameFault("a reserved bit is set", this.#position - 1);
    return this.#isSingle() + [0, 1, 2, 4][descriptor & 3]! + this.#sizeBytes();
  }

  /** 0 for a frame of a single segment, 1 for the byte that gives the window of others. */
  #isSingle(): number {
    return this.#head[4]! & 0x20 ? 0 : 1;
  }

  #sizeBytes(): number {
    const flag = this.#head[4]! >> 6;
    return flag > 0 ? 1 << flag : 1 - this.#isSingle();
  }

  #takeHeader(): void {
    const bytes = this.#sizeBytes();
    const at = this.#head.length - bytes;
    const size = bytes === 0 ? undefined : this.#number(at, bytes) + (bytes === 2 ? 256 : 0);
    if (this.#number(5 + this.#isSingle(), at - 5 - this.#isSingle()) !== 0)
      throw new ZstdFrameFault("the frame needs a dictionary", this.#position - bytes - 1);
    this.#hasChecksum = (this.#head[4]! & 4) !== 0;
    this.#frame = { ...this.#frame, size };
    this.#next("block", 3);
  }

  #takeBlock(): void {
    const header = this.#number(0, 3);
    const [type, size] = [(header >> 1) & 3, header >> 3];
    if (type === 3) throw new ZstdFrameFault("a block of the reserved type", this.#position - 3);
    this.#isLastBlock = (header & 1) === 1;
    this.#next("block", this.#isLastBlock ? 0 : 3, type === 1 ? 1 : size);
  }

  /** The last block's bytes were passed over. */
  #finishBlocks(): void {
    this.#isLastBlock = false;
    if (this.#hasChecksum) this.#next("checksum", 4);
    else this.#next("end", 0);
  }

  #takeChecksum(): void {
    this.#frame = { ...this.#frame, checksum: this.#number(0, 4) };
    this.#next("end", 0);
  }

  /** Little-endian; exact up to 2^53. */
  #number(from: number, bytes: number): number {
    let value = 0;
    for (let i = from + bytes - 1; i >= from; i--) value = value * 256 + this.#head[i]!;
    return value;
  }
}
