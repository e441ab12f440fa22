import { readFile } from "node:fs/promises";
import { FormatError } from "@ds3/errors";
import { parseTokenizer } from "../parse-tokenizer.ts";
import type { Tokenizer } from "../tokenizer.ts";

/**
 * A tokenizer from a tokenizer.json file.
 * @throws FormatError when the file cannot be read or is no tokenizer.json; UnsupportedTokenizerError naming a part that
 * cannot be done exactly.
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  return parseTokenizer(await readText(path));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new FormatError({
      op: "loadTokenizer",
      operand: path,
      expected: "a readable tokenizer.json",
      actual: cause instanceof Error ? cause.message : String(cause),
      hint: "Give the path of the file itself, not of its folder.",
      cause,
    });
  }
}
