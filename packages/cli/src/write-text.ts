import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Write a text file, its folder too, whole or not at all. @throws the file system's error. */
export async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
