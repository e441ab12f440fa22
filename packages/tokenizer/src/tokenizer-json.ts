import type { AddedToken } from "./added-tokens.ts";
import { type Padding, paddingJson } from "./encoding/padding.ts";
import { type Truncation, truncationJson } from "./encoding/truncation.ts";
import type { Json, JsonObject } from "./json-reader.ts";
import type { ModelPart } from "./models/model-part.ts";

/** Sections of tokenizer.json that stand between `added_tokens` and `model`, in HF's order. */
const SECTIONS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;

/** What is written: parts that may have changed, and sections as they were read. */
export interface WrittenTokenizer {
  readonly sections: JsonObject;
  readonly addedTokens: readonly AddedToken[];
  readonly truncation: Truncation | undefined;
  readonly padding: Padding | undefined;
  readonly model: ModelPart;
}

/**
 * Write a tokenizer in HF's format, indented as HF indents it.
 *
 * Sections that HF does not know follow at the end, so that nothing of a file is lost.
 */
export function writeTokenizerJson({ sections, model, ...parts }: WrittenTokenizer): string {
  const { version, ...rest } = sections;
  const unknown = Object.entries(rest).filter(([key]) => !SECTIONS.some((known) => known === key));
  const entries: (readonly [string, Json])[] = [
    ["version", version ?? "1.0"],
    ["truncation", truncationJson(parts.truncation)],
    ["padding", paddingJson(parts.padding)],
    ["added_tokens", parts.addedTokens.map(addedTokenJson)],
    ...SECTIONS.map((key) => [key, sections[key] ?? null] as const),
  ];
  const lines = [
    ...entries.map(([key, value]) => entry(key, JSON.stringify(value, null, 2))),
    entry("model", model.write()),
    ...unknown.map(([key, value]) => entry(key, JSON.stringify(value, null, 2))),
  ];
  return `{\n${lines.join(",\n")}\n}`;
}

function addedTokenJson(token: AddedToken): JsonObject {
  const { id, content, special, normalized, lstrip = false, rstrip = false, singleWord = false } = token;
  return { id, content, single_word: singleWord, lstrip, rstrip, normalized, special };
}

/** One `"key": value` line. Line breaks occur only between JSON tokens, never in a JSON string. */
function entry(key: string, json: string): string {
  return `  ${JSON.stringify(key)}: ${json.replaceAll("\n", "\n  ")}`;
}
