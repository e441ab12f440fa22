import { mkdirSync } from "node:fs";
import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { type FolderLock, lockFolder } from "../folder-lock.ts";
import { requireObject } from "../require-value.ts";
import { spillFailure, type WriteBytes, writeBytes } from "./append-file.ts";
import type { Deduplicator } from "./create-deduplicator.ts";
import { type DedupOptions, type DedupSettings, keyShapeOf, resolveDedupOptions } from "./dedup-options.ts";
import { DedupPass } from "./dedup-pass.ts";
import { readDedupState, writeDedupState } from "./dedup-state.ts";
import { FileKeyStore } from "./file-key-store.ts";

/** What counts as a duplicate, and where the first pass is kept. */
export interface OpenDedupOptions extends DedupOptions {
  /** A folder of its own, made if it is not there. Delete it when the second pass is done. */
  readonly directory: string;
  /** Bytes for buffers and sorting, 2^20 or more; default 2^28. Beside it `finish` takes 16 bytes an item, 20 for the longest. */
  readonly memoryLimit?: number;
}

/** A first pass that lies in a folder. */
export interface OpenedDeduplicator extends Deduplicator, Disposable {
  /**
   * Make what was added durable; returns the number of documents. `add` does so by itself every 10,000 documents or
   * 2^26 UTF-16 units, `finish` at its start.
   * @throws DiskWriteError, DiskFullError when the system refuses.
   */
  commit(): number;
  /** Let go of the files and the folder, without a commit. `finish` does so too. */
  close(): void;
}

const COMMIT_DOCUMENTS = 10_000;
const COMMIT_UNITS = 2 ** 26;
const LOCK = "dedup.lock";

/**
 * A search for duplicates that spills to files, so memory stays bounded, and that an end of the process does not lose.
 *
 * After such an end, open the folder again with the same options and add the documents from number `documents` on (after
 * the references from number `references` on): what was committed is there, what was not is gone, nothing is doubled. A
 * finished folder can be opened again for its result. While it is open, a file `dedup.lock` keeps others out; one that a
 * killed process left is taken over.
 * Cost on disk, an item: 24 bytes in exact mode, 568 in MinHash mode by default (120 with `minSimilarity: 0`). `finish`
 * scans each band as often as the keys of all items (24 bytes each, 40 in exact mode) exceed `memoryLimit`.
 * @param write how bytes are written, for tests of full disks.
 * @throws FolderLockedError while another holds the folder; ConfigError for unknown options, or others than the folder was
 * made with; OutOfRangeError for numbers out of range; FormatError for a damaged folder; DiskWriteError, DiskFullError (also from `add`) when the system refuses.
 */
export function openDeduplicator(options: OpenDedupOptions, write: WriteBytes = writeBytes): OpenedDeduplicator {
  requireObject("openDeduplicator", "options", options);
  const { directory, memoryLimit = 2 ** 28, ...rest } = options;
  requirePlace(directory, memoryLimit);
  const settings = resolveDedupOptions("openDeduplicator", rest);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw spillFailure(directory, cause);
  }
  const lock = lockFolder("openDeduplicator", directory, LOCK);
  try {
    return new FileDeduplicator({ directory, settings, memoryLimit, write, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What a pass in a folder is made of. */
interface Place {
  readonly directory: string;
  readonly settings: DedupSettings;
  readonly memoryLimit: number;
  readonly write: WriteBytes;
  readonly lock: FolderLock;
}

class FileDeduplicator implements OpenedDeduplicator {
  readonly #directory: string;
  readonly #settings: DedupSettings;
  readonly #memoryLimit: number;
  readonly #store: FileKeyStore;
  readonly #pass: DedupPass;
  readonly #lock: FolderLock;
  #documentsSince = 0;
  #unitsSince = 0;
  #isClosed = false;

  constructor({ directory, settings, memoryLimit, write, lock }: Place) {
    const { progress, items } = readDedupState(directory, settings);
    const bufferBytes = Math.min(memoryLimit / 4, 2 ** 22);
    const shape = keyShapeOf(settings);
    this.#directory = directory;
    this.#lock = lock;
    this.#settings = settings;
    this.#memoryLimit = memoryLimit;
    this.#store = new FileKeyStore({ directory, shape, count: items, bufferBytes, write });
    this.#pass = new DedupPass(settings, this.#store, progress);
  }

  get documents(): number {
    return this.#pass.progress.documents;
  }

  get references(): number {
    return this.#pass.progress.references;
  }

  add(document: Document): void {
    this.#requireOpen("add");
    this.#pass.add(document);
    this.#afterAppend(document);
  }

  addReference(document: Document): void {
    this.#requireOpen("addReference");
    this.#pass.addReference(document);
    this.#afterAppend(document);
  }

  commit(): number {
    this.#requireOpen("commit");
    this.#lock.requireHeld();
    this.#store.sync();
    const { progress } = this.#pass;
    writeDedupState(this.#directory, { settings: this.#settings, progress, items: this.#store.count });
    this.#documentsSince = 0;
    this.#unitsSince = 0;
    return progress.documents;
  }

  async finish(): ReturnType<Deduplicator["finish"]> {
    this.commit();
    const result = await this.#pass.finish(this.#memoryLimit);
    this.close();
    return result;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#store.close();
    } finally {
      this.#lock.release();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(op: string): void {
    if (!this.#isClosed) return;
    const details = { operand: this.#directory, expected: "an open deduplicator", actual: "a closed one" };
    throw new StateError({ op, ...details, hint: "Open the folder again." });
  }

  #afterAppend({ text }: Document): void {
    this.#documentsSince++;
    this.#unitsSince += text.length;
    if (this.#documentsSince >= COMMIT_DOCUMENTS || this.#unitsSince >= COMMIT_UNITS) this.commit();
  }
}

function requirePlace(directory: unknown, memoryLimit: number): void {
  const op = "openDeduplicator";
  if (typeof directory !== "string" || directory === "") {
    const actual = directory === undefined ? "nothing" : JSON.stringify(directory);
    const hint = "createDeduplicator needs none: it works in memory.";
    throw new ConfigError({ op, operand: "directory", expected: "the path of a folder", actual, hint });
  }
  if (Number.isFinite(memoryLimit) && memoryLimit >= 2 ** 20) return;
  const [expected, actual] = ["a number of bytes >= 2^20", String(memoryLimit)];
  throw new OutOfRangeError({ op, operand: "memoryLimit", expected, actual });
}
