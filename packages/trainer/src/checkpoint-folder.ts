/*
 * How checkpoints lie on disk: `<root>/step-00000300/` with the files and a manifest of their sizes and hashes, which is
 * written last. `.tmp` behind the name: being written, never read. `.replaced` behind it: the checkpoint of the same step
 * while the new one takes its place; it is read when a crash in that moment left no other of that step.
 */
import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";

/** Name of the file that makes a folder a checkpoint. */
export const MANIFEST = "manifest.json";
const FOLDER = /^step-(\d{8,})(\.replaced)?$/;
const UNFINISHED = /^step-\d{8,}\.tmp$/;

/** Size and hash of one file. */
export interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** Content of the manifest. */
export interface Manifest {
  readonly files: Readonly<Record<string, FileFacts>>;
}

/** A folder that may hold a checkpoint. */
export interface CheckpointFolder {
  readonly name: string;
  readonly step: number;
}

/** The folder's name for a step; eight digits or more. */
export function folderName(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}

/** All checkpoint folders below `root`, oldest step first; of one step the replaced one first. */
export async function listCheckpoints(root: string): Promise<CheckpointFolder[]> {
  const found = (await namesIn(root)).flatMap((name) => {
    const match = FOLDER.exec(name);
    return match ? [{ name, step: Number(match[1]) }] : [];
  });
  return found.sort((a, b) => a.step - b.step || b.name.length - a.name.length);
}

/** Folders that a crash left half-written below `root`. */
export async function listUnfinished(root: string): Promise<string[]> {
  return (await namesIn(root)).filter((name) => UNFINISHED.test(name));
}

/** Bytes that one call of the system or of the hash is given: 2 GiB are refused. */
const PIECE = 2 ** 26;

/** Size and SHA-256 of a file's bytes, however many. */
export function factsOf(data: Uint8Array): FileFacts {
  const hash = createHash("sha256");
  for (let at = 0; at < data.length; at += PIECE) hash.update(data.subarray(at, at + PIECE));
  return { bytes: data.length, sha256: hash.digest("hex") };
}

/** A file's bytes, however many: `readFile` refuses 2 GiB and more. */
export async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const data = new Uint8Array((await file.stat()).size);
    for (let at = 0; at < data.length; ) {
      const { bytesRead } = await file.read(data, at, Math.min(PIECE, data.length - at), at);
      if (bytesRead === 0) return data.subarray(0, at);
      at += bytesRead;
    }
    return data;
  } finally {
    await file.close();
  }
}

/** Writes a file and waits until it is on disk. */
export async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable; Windows cannot open folders and does not need it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function namesIn(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
