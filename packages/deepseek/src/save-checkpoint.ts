import { existsSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StateError } from "@ds3/errors";
import type { DeepseekModel } from "./model.ts";
import { saveModelFiles } from "./model-files.ts";
import type { SaveOptions } from "./storage-format.ts";

/**
 * Writes a model as a checkpoint folder in Hugging Face's layout, which transformers reads: into a temporary folder that
 * is renamed when all files are on disk. An existing folder is replaced only then. `options.format` "fp8": in the layout
 * in which DeepSeek-V3 was released.
 *
 * @throws StateError when the disk refuses; what was there is left as it was. ConfigError, StateError: `saveModelFiles`.
 */
export async function saveCheckpoint(model: DeepseekModel, folder: string, options: SaveOptions = {}): Promise<void> {
  const target = resolve(folder);
  const files = await saveModelFiles(model, options);
  try {
    await writeFolder(target, files);
  } catch (cause) {
    throw new StateError({
      op: "saveCheckpoint",
      operand: target,
      expected: "a place where a folder can be written",
      actual: (cause as Error).message,
      hint: "Choose another folder, or make room on the disk.",
      cause,
    });
  }
}

async function writeFolder(target: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const temporary = `${target}.tmp-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  try {
    for (const [name, data] of Object.entries(files)) await writeSynced(join(temporary, name), data);
    await replaceFolder(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Renames; what was there before is put aside first and removed last, so a crash loses neither. */
async function replaceFolder(source: string, target: string): Promise<void> {
  const old = `${target}.old-${process.pid}`;
  if (existsSync(target)) await rename(target, old);
  await rename(source, target);
  await rm(old, { recursive: true, force: true });
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
