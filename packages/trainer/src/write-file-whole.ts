import { rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { syncFolder, writeSynced } from "./checkpoint-folder.ts";

/**
 * Writes a file whole or not at all: beside it, fsynced, renamed. A crash or a failure leaves what was there before. One
 * writer a path.
 *
 * @throws the file system's error, e.g. when the folder is missing.
 */
export async function writeFileWhole(path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeSynced(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(resolve(path)));
}
