import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { nodeDisk, putInPlace, writeBeside } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";
import type { StageReport } from "../stage.ts";
import type { LengthCounts } from "./length-counts.ts";

/** A file of documents that a pass has written. */
export interface Part {
  /** File name within the pass's folder. */
  readonly name: string;
  /** Number of the source that its documents come from. */
  readonly source: number;
  readonly documents: number;
  /** Of text, in UTF-8. */
  readonly bytes: number;
  /** Records beside it that could not be read. */
  readonly rejects: number;
}

/** What a pass has done: all of it durable, or as if it had never been. `C` says where it goes on. */
export interface PassState<C> {
  readonly version: 1;
  readonly complete: boolean;
  readonly cursor: C;
  readonly parts: readonly Part[];
  readonly reports: readonly StageReport[];
  /** By source: UTF-16 units of each document that came out. */
  readonly lengths: readonly LengthCounts[];
}

const OP = "buildCorpus";

/** The state that a pass has left in the folder, or the start. @throws FormatError when it cannot be read. */
export async function readPass<C>(work: string, name: string, start: C): Promise<PassState<C>> {
  const found = await readJson(join(work, `${name}.json`));
  if (found === undefined) return { version: 1, complete: false, cursor: start, parts: [], reports: [], lengths: [] };
  return found as PassState<C>;
}

/** Make what a pass has done durable. @throws DiskWriteError, DiskFullError. */
export async function writePass<C>(work: string, name: string, state: PassState<C>): Promise<void> {
  await writeJson(join(work, `${name}.json`), state);
}

/** A JSON file of version 1, or undefined where there is none. @throws FormatError when it cannot be read. */
export async function readJson(path: string): Promise<unknown> {
  const damaged = (actual: string, cause?: unknown): FormatError => {
    const hint = "Delete the folder and build again.";
    return new FormatError({ op: OP, operand: path, expected: "JSON of version 1", actual, hint, cause });
  };
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw damaged(cause.message, cause);
  });
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged((cause as Error).message, cause);
  }
  if ((value as { version?: unknown } | null)?.version === 1) return value;
  throw damaged("something else");
}

/** A JSON file, whole or not there. @throws DiskWriteError, DiskFullError. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  try {
    await writeBeside(nodeDisk, path, new TextEncoder().encode(`${JSON.stringify(value)}\n`));
    await putInPlace(nodeDisk, path);
  } catch (cause) {
    throw writeFailure(OP, path, cause);
  }
}
