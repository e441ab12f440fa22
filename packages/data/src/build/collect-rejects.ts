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

/**
 * Put the records that could not be read into one file beside the shards, whole or not there. It is in the work folder,
 * too: parts are removed after the next pass, and another build may begin from the texts that are there.
 */
export async function collectRejects({ work, settings }: BuildContext, parts: readonly Part[]): Promise<void> {
  const withRejects = parts.filter(({ rejects }) => rejects > 0);
  if (withRejects.length === 0) return;
  const kept = join(work, REJECTS);
  if (!existsSync(kept)) {
    const files = withRejects.map(({ name }) => rejectsOf(join(work, CLEAN, name)));
    await concatenate(files, kept);
  }
  await concatenate([kept], join(settings.out, REJECTS));
}

/** @throws DiskWriteError, DiskFullError. */
async function concatenate(files: readonly string[], to: string): Promise<void> {
  const blocks = async function* (): AsyncGenerator<Buffer> {
    for (const file of files) yield* createReadStream(file);
  };
  try {
    await pipeline(blocks(), createWriteStream(temporaryName(to)));
    await sync(temporaryName(to));
    await putInPlace(nodeDisk, to);
  } catch (cause) {
    throw writeFailure("buildCorpus", to, cause);
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
