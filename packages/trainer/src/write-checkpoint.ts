import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  factsOf,
  folderName,
  listCheckpoints,
  listUnfinished,
  MANIFEST,
  type Manifest,
  syncFolder,
  writeSynced,
} from "./checkpoint-folder.ts";
import { TrainingCheckpointError } from "./errors.ts";

/** Files of a checkpoint by name, without folders. */
export type CheckpointFiles = Readonly<Record<string, Uint8Array>>;

/**
 * Writes `files` as `<root>/step-<step>`: into a temporary folder, each file and the folder fsynced, then renamed. A crash
 * at any moment leaves the older checkpoints as they were, and the new one whole or not at all; one of the same step goes
 * only after the new one is in place. Then removes all but the newest `keep`, and folders of later steps: a run that was
 * resumed before them passed them over as torn. One writer a root.
 *
 * @returns the folder. @throws TrainingCheckpointError when the disk refuses; older checkpoints are kept.
 */
export async function writeCheckpoint(root: string, step: number, files: CheckpointFiles, keep = 2): Promise<string> {
  const folder = join(root, folderName(step));
  const temporary = `${folder}.tmp`;
  try {
    await makeFolder(root);
    for (const name of await listUnfinished(root)) await remove(join(root, name));
    await fill(temporary, files);
    await putInPlace(temporary, folder);
    await syncFolder(root);
  } catch (error) {
    await remove(temporary).catch(() => {});
    throw refused(folder, error);
  }
  await removeOthers(root, step, keep);
  return folder;
}

async function makeFolder(root: string): Promise<void> {
  const created = await mkdir(root, { recursive: true });
  if (created !== undefined) await syncFolder(dirname(root));
}

async function fill(temporary: string, files: CheckpointFiles): Promise<void> {
  await mkdir(temporary);
  for (const [name, data] of Object.entries(files)) await writeSynced(join(temporary, name), data);
  const manifest: Manifest = {
    files: Object.fromEntries(Object.entries(files).map(([name, data]) => [name, factsOf(data)])),
  };
  await writeSynced(join(temporary, MANIFEST), new TextEncoder().encode(JSON.stringify(manifest, null, 2)));
  await syncFolder(temporary);
}

/** An older one of the same step is under one of its two names, whole, until the new one is in place. */
async function putInPlace(temporary: string, folder: string): Promise<void> {
  const replaced = `${folder}.replaced`;
  if (existsSync(folder)) {
    await remove(replaced);
    await rename(folder, replaced);
  }
  await rename(temporary, folder);
  await remove(replaced);
}

async function removeOthers(root: string, step: number, keep: number): Promise<void> {
  const all = await listCheckpoints(root);
  const kept = all
    .filter((folder) => folder.step <= step)
    .slice(-keep)
    .map(({ name }) => name);
  for (const { name } of all) if (!kept.includes(name)) await remove(join(root, name));
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

function refused(folder: string, cause: unknown): TrainingCheckpointError {
  return new TrainingCheckpointError({
    op: "save",
    operand: folder,
    expected: "a checkpoint on disk",
    actual: cause instanceof Error ? cause.message : `${cause}`,
    hint: "Free space or choose another folder, then resume: older checkpoints were kept.",
    cause,
  });
}
