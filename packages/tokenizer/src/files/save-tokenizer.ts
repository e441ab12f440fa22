import type { Tokenizer } from "../tokenizer.ts";
import { writeFileWhole } from "./write-file-whole.ts";

/**
 * Write a tokenizer.json: to a temporary file in the same folder, flushed to disk, then renamed, so that a reader never
 * sees half a file and a failure leaves the old one.
 * @throws the file system's error when the folder is missing or not writable.
 */
export async function saveTokenizer(tokenizer: Tokenizer, path: string): Promise<void> {
  await writeFileWhole(path, tokenizer.toJson());
}
