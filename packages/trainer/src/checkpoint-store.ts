import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { TrainingCheckpointError } from "./errors.ts";

/** Name of the file that makes a folder a checkpoint: it lists the others with sizes and hashes, and is written last. */
const MANIFEST = "manifest.json";
const FOLDER = /^step-(\d{8})$/;

interface Manifest {
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A complete checkpoint: its step, folder and files. */
export interface StoredCheckpoint {
  readonly step: number;
  readonly folder: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Writes `files` as `<root>/step-<step>`: into a temporary folder, each file and the folder fsynced, then renamed. A crash
 * at any moment leaves either the whole checkpoint or none. Keeps the newest `keep` checkpoints.
 */
export async function writeCheckpoint(
  root: string,
  step: number,
  files: Readonly<Record<string, Uint8Array>>,
  keep = 2,
): Promise<string> {
  const folder = join(root, `step-${String(step).padStart(8, "0")}`);
  const temporary = `${folder}.tmp-${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const manifest: Manifest = {
      files: Object.fromEntries(Object.entries(files).map(([name, data]) => [name, describe(data)])),
    };
    for (const [name, data] of Object.entries(files)) await writeSynced(join(temporary, name), data);
    await writeSynced(join(temporary, MANIFEST), new TextEncoder().encode(JSON.stringify(manifest, null, 2)));
    await syncFolder(temporary);
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
    await syncFolder(root);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await removeOld(root, keep);
  return folder;
}

/**
 * The newest checkpoint below `root` whose files are all there with the right size and hash, or undefined. Torn ones are
 * passed over and reported to `onTorn`.
 */
export async function readNewestCheckpoint(
  root: string,
  onTorn?: (error: TrainingCheckpointError) => void,
): Promise<StoredCheckpoint | undefined> {
  for (const { step, name } of (await listCheckpoints(root)).reverse()) {
    try {
      return await readCheckpoint(join(root, name), step);
    } catch (error) {
      if (!TrainingCheckpointError.is(error)) throw error;
      onTorn?.(error as TrainingCheckpointError);
    }
  }
  return undefined;
}

async function readCheckpoint(folder: string, step: number): Promise<StoredCheckpoint> {
  const manifest = await readManifest(folder);
  const files: Record<string, Uint8Array> = {};
  for (const [name, expected] of Object.entries(manifest.files)) {
    const data = await readFile(join(folder, name)).catch(() => undefined);
    if (data === undefined) throw torn(folder, name, "the file", "no file");
    const { bytes, sha256 } = describe(data);
    if (bytes !== expected.bytes) throw torn(folder, name, `${expected.bytes} bytes`, `${bytes}`);
    if (sha256 !== expected.sha256) throw torn(folder, name, `sha256 ${expected.sha256}`, sha256);
    files[name] = data;
  }
  return { step, folder, files };
}

async function readManifest(folder: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Manifest;
  } catch (error) {
    throw torn(folder, MANIFEST, "a readable manifest", `${error}`);
  }
}

async function listCheckpoints(root: string): Promise<{ step: number; name: string }[]> {
  const names = await readdir(root).catch(() => [] as string[]);
  return names
    .flatMap((name) => {
      const match = FOLDER.exec(name);
      return match ? [{ name, step: Number(match[1]) }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

async function removeOld(root: string, keep: number): Promise<void> {
  const old = (await listCheckpoints(root)).slice(0, -keep);
  for (const { name } of old) await rm(join(root, name), { recursive: true, force: true });
}

async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable; Windows cannot open folders and does not need it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function describe(data: Uint8Array): { bytes: number; sha256: string } {
  return { bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") };
}

function torn(folder: string, operand: string, expected: string, actual: string): TrainingCheckpointError {
  const hint = `Remove ${folder} if an older checkpoint should be used for good.`;
  return new TrainingCheckpointError({ op: "resume", operand: join(folder, operand), expected, actual, hint });
}
