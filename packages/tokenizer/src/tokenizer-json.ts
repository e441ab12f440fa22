import type { JsonObject } from "./json-reader.ts";
import type { TokenizerParts } from "./tokenizer.ts";

/** Sections of tokenizer.json around `added_tokens` and `model`, in HF's order. */
const SECTIONS_BEFORE = ["version", "truncation", "padding"] as const;
const SECTIONS_AFTER = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;

/**
 * Write a tokenizer in HF's format, indented as HF indents it.
 *
 * The vocabulary is written by hand: a JavaScript object would put tokens that look like integers first.
 */
export function writeTokenizerJson(parts: TokenizerParts): string {
  const { settings } = parts;
  const section = (key: string): string => entry(1, key, JSON.stringify(settings[key] ?? null, null, 2));
  const addedTokens = parts.addedTokens.map(({ id, content, special, normalized }) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized,
    special,
  }));
  const sections = [
    ...SECTIONS_BEFORE.map(section),
    entry(1, "added_tokens", JSON.stringify(addedTokens, null, 2)),
    ...SECTIONS_AFTER.map(section),
    entry(1, "model", writeModel(parts)),
  ];
  return `{\n${sections.join(",\n")}\n}`;
}

function writeModel({ settings, vocab, merges }: TokenizerParts): string {
  const scalars = Object.entries(settings.model as JsonObject).map(([key, value]) =>
    entry(1, key, JSON.stringify(value, null, 2)),
  );
  const tokens: string[] = [];
  for (const [token, id] of vocab) tokens[id] = token;
  const lines = [...vocab].map(([token, id]) => `  ${JSON.stringify(token)}: ${id}`);
  const pairs = Array.from(merges.left, (left, rank) => [tokens[left]!, tokens[merges.right[rank]!]!]);
  const vocabJson = lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n}`;
  const all = [...scalars, entry(1, "vocab", vocabJson), entry(1, "merges", JSON.stringify(pairs, null, 2))];
  return `{\n${all.join(",\n")}\n}`;
}

/** One `"key": value` line at a depth. Line breaks occur only between JSON tokens, never in a JSON string. */
function entry(depth: number, key: string, json: string): string {
  const indent = "  ".repeat(depth);
  return `${indent}${JSON.stringify(key)}: ${json.replaceAll("\n", `\n${indent}`)}`;
}
