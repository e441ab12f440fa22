import { type TokenizerConfig, writeTokenizerConfig } from "../tokenizer-config.ts";
import { writeFileWhole } from "./write-file-whole.ts";

/**
 * Write a tokenizer_config.json, which belongs beside tokenizer.json, through a temporary file and a rename.
 * @throws the file system's error when the folder is missing or not writable.
 */
export async function saveTokenizerConfig(path: string, config: TokenizerConfig): Promise<void> {
  await writeFileWhole(path, writeTokenizerConfig(config));
}
