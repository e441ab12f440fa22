import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { nodeDisk, putInPlace, temporaryName } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";
import type { BuildContext } from "./build-context.ts";
import { CLEAN, rejectsOf } from "./clean-pass.ts";
import type { Part } from "./pass-state.ts";

/** The name of the file of rejected records in the folder of the shards. */
export const REJECTS = "rejects.jsonl";

/** Put the records that could not be read into one file beside the shards, whole or not there. */
export async function collectRejects({ work, settings }: BuildContext, parts: readonly Part[]): Promise<void> {
  const withRejects = parts.filter(({ rejects }) => rejects > 0);
  const files = withRejects.map(({ name }) => rejectsOf(join(work, CLEAN, name)));
  const path = join(settings.out, REJECTS);
  // Parts are removed after the next pass: by then the file is complete.
  if (files.length === 0 || !files.every((file) => existsSync(file))) return;
  try {
    await concatenate(files, temporaryName(path));
    await putInPlace(nodeDisk, path);
  } catch (cause) {
    throw writeFailure("buildCorpus", path, cause);
  }
}

async function concatenate(files: readonly string[], to: string): Promise<void> {
  const blocks = async function* (): AsyncGenerator<Buffer> {
    for (const file of files) yield* createReadStream(file);
  };
  await pipeline(blocks(), createWriteStream(to));
  const file = await open(to, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
