import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { nodeDisk, putInPlace, writeBeside } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";
import type { StageReport } from "../stage.ts";
import { isObject } from "./config-checks.ts";
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

/** The state that a pass has left in the folder, or the start. @throws FormatError when it cannot be read or is damaged. */
export async function readPass<C extends object>(work: string, name: string, start: C): Promise<PassState<C>> {
  const path = join(work, `${name}.json`);
  const found = await readJson(path);
  if (found === undefined) return { version: 1, complete: false, cursor: start, parts: [], reports: [], lengths: [] };
  const state = found as unknown as PassState<C>;
  for (const key of ["parts", "reports", "lengths"] as const)
    if (!Array.isArray(state[key])) throw damaged(path, `no list of ${key}`);
  if (typeof state.complete !== "boolean" || !state.parts.every(isPart)) throw damaged(path, "no state of a pass");
  for (const [key, value] of Object.entries(start)) {
    const at: unknown = isObject(state.cursor) ? state.cursor[key] : undefined;
    if (typeof at !== typeof value || Array.isArray(at) !== Array.isArray(value))
      throw damaged(path, `no cursor.${key}`);
  }
  return state;
}

function isPart(part: unknown): boolean {
  if (!isObject(part) || typeof part.name !== "string") return false;
  return ["source", "documents", "bytes", "rejects"].every((key) => Number.isSafeInteger(part[key]));
}

/** Make what a pass has done durable. @throws DiskWriteError, DiskFullError. */
export async function writePass<C>(work: string, name: string, state: PassState<C>): Promise<void> {
  await writeJson(join(work, `${name}.json`), state);
}

/** A JSON file of version 1, or undefined where there is none. @throws FormatError when it cannot be read. */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw damaged(path, cause.message, cause);
  });
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, (cause as Error).message, cause);
  }
  if (isObject(value) && value.version === 1) return value;
  throw damaged(path, "something else");
}

/** The error for a file of a build that is not as a build writes it. */
export function damaged(path: string, actual: string, cause?: unknown): FormatError {
  const hint = "Remove what the build has made in this folder, and build again.";
  return new FormatError({
    op: OP,
    operand: path,
    expected: "JSON of version 1, as a build writes it",
    actual,
    hint,
    cause,
  });
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
