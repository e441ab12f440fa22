/** Documents between two passes of a build: files of JSON Lines, each complete or not there at all. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { FormatError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { readSettings } from "../read-documents.ts";
import { ReadContext } from "../readers/read-context.ts";
import { readJsonLines } from "../readers/read-json-lines.ts";
import { nodeDisk, putInPlace, temporaryName } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";

const OP = "buildCorpus";
/** UTF-16 units that are held back before they are written. */
const BUFFER_UNITS = 1 << 20;
/** Bytes: the longest string there can be, so that any document that was read can be read again. */
const LONGEST_LINE = 2 ** 29 - 25;

/** Writes values as lines of a file that gets its name when it is complete. */
export class PartWriter {
  readonly path: string;
  lines = 0;
  readonly #file: number;
  #held: string[] = [];
  #heldUnits = 0;
  #isOpen = true;

  /** @throws DiskWriteError, DiskFullError, as every method. */
  constructor(path: string) {
    this.path = path;
    this.#file = guard(path, () => openSync(temporaryName(path), "w"));
  }

  add(value: unknown): void {
    const line = JSON.stringify(value);
    this.#held.push(line);
    this.#heldUnits += line.length;
    this.lines++;
    if (this.#heldUnits >= BUFFER_UNITS) this.#flush();
  }

  /** Bring it all to the disk and give the file its name. */
  async commit(): Promise<void> {
    this.#flush();
    guard(this.path, () => fsyncSync(this.#file));
    this.#close();
    await putInPlace(nodeDisk, this.path).catch((cause) => {
      throw writeFailure(OP, this.path, cause);
    });
  }

  /** Leave nothing behind. */
  discard(): void {
    this.#close();
    rmSync(temporaryName(this.path), { force: true });
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  #flush(): void {
    if (this.#held.length === 0) return;
    const bytes = Buffer.from(`${this.#held.join("\n")}\n`);
    this.#held = [];
    this.#heldUnits = 0;
    guard(this.path, () => {
      for (let from = 0; from < bytes.length; ) from += writeSync(this.#file, bytes, from);
    });
  }
}

/**
 * The documents of a part, in batches.
 * @throws FormatError when the part does not hold `lines` lines: something else has changed it.
 */
export async function* readPart(path: string, lines: number): AsyncGenerator<readonly Document[]> {
  const context = new ReadContext(path, readSettings(OP, { maxRecordBytes: LONGEST_LINE }, undefined));
  let count = 0;
  for await (const batch of readJsonLines(context, "a document", (value) => value as unknown as Document)) {
    count += batch.length;
    yield batch;
  }
  if (count === lines) return;
  const hint = "Delete the folder of intermediate results and build again.";
  throw new FormatError({ op: OP, operand: path, expected: `${lines} documents`, actual: `${count}`, hint });
}

function guard<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw writeFailure(OP, path, cause);
  }
}
