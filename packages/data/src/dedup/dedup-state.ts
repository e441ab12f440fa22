import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError } from "@ds3/errors";
import { spillFailure } from "./append-file.ts";
import type { DedupSettings } from "./dedup-options.ts";
import type { DedupProgress } from "./dedup-pass.ts";

/** What a folder of spilled keys is known to hold. */
export interface DedupState {
  readonly settings: DedupSettings;
  readonly progress: DedupProgress;
  /** Items in each file. */
  readonly items: number;
}

const VERSION = 2; // 1: every number was a 0
const NAME = "state.json";

/**
 * The state of a folder: what it last committed, or the start when it never did.
 * @throws FormatError when it cannot be read; ConfigError when it was written under other settings.
 */
export function readDedupState(directory: string, settings: DedupSettings): DedupState {
  const path = join(directory, NAME);
  const text = readIfThere(path);
  if (text === undefined) return { settings, progress: { documents: 0, references: 0, referenceItems: 0 }, items: 0 };
  const state = parseState(path, text);
  for (const [name, value] of Object.entries(settings)) {
    const written = state.settings[name as keyof DedupSettings];
    if (written === value) continue;
    const [expected, actual] = [`${JSON.stringify(written)}, as in ${path}`, JSON.stringify(value)];
    const hint = "Go on with the options that the folder was made with, or use another folder.";
    throw new ConfigError({ op: "openDeduplicator", operand: name, expected, actual, hint });
  }
  return state;
}

/** Write a folder's state, durably and all at once. @throws DiskWriteError, DiskFullError when the system refuses. */
export function writeDedupState(directory: string, state: DedupState): void {
  const path = join(directory, NAME);
  try {
    writeDurably(`${path}.tmp`, `${JSON.stringify({ version: VERSION, ...state }, null, 2)}\n`);
    renameSync(`${path}.tmp`, path);
    if (process.platform !== "win32") syncPath(directory); // Windows cannot open folders and does not need it
  } catch (cause) {
    throw spillFailure(path, cause);
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "w");
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadableState(path, cause);
  }
}

function parseState(path: string, text: string): DedupState {
  try {
    const { version, settings, progress, items } = JSON.parse(text);
    const counts = [items, progress.documents, progress.references, progress.referenceItems];
    const isSound = version === VERSION && typeof settings === "object" && counts.every(Number.isSafeInteger);
    if (isSound) return { settings, progress, items };
  } catch (cause) {
    throw unreadableState(path, cause);
  }
  throw unreadableState(path, undefined);
}

function unreadableState(path: string, cause: unknown): FormatError {
  const expected = `the state of a search for duplicates, version ${VERSION}`;
  const actual = cause instanceof Error ? cause.message : "something else";
  const hint = "Delete the folder and start again.";
  return new FormatError({ op: "openDeduplicator", operand: path, expected, actual, hint, cause });
}
