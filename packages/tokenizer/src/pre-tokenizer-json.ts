import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { fromOniguruma } from "./oniguruma-regex.ts";
import { type PreTokenizer, sequence, splitByRegex, wholeText } from "./pre-tokenizer.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** GPT-2's pattern, which HF's ByteLevel applies when `use_regex` is true. */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const byteLevel = (useRegex: boolean): JsonObject => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const isolated = (pattern: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

/** Names of the pre-tokenizers that training offers: GPT-2's pattern, DeepSeek-V3's three splits. */
export type TrainedPreTokenizer = "gpt2" | "deepseek-v3";

/** Those pre-tokenizers as tokenizer.json spells them. */
export const preTokenizerPresets: Readonly<Record<TrainedPreTokenizer, JsonObject>> = {
  gpt2: byteLevel(true),
  "deepseek-v3": {
    type: "Sequence",
    pretokenizers: [
      isolated("\\p{N}{1,3}"),
      isolated("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
      isolated(
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+" +
          "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
      ),
      byteLevel(false),
    ],
  },
};

/**
 * Build the pre-tokenizer that a tokenizer.json describes: ByteLevel, or a Sequence of isolated regex Splits that ends
 * in ByteLevel.
 * @throws UnsupportedTokenizerError naming what else the file asks for.
 */
export function parsePreTokenizer(json: Json | undefined): PreTokenizer {
  const steps = flatten(json ?? null, "pre_tokenizer");
  const last = steps.at(-1);
  if (last?.json.type !== "ByteLevel") {
    throw unsupported("pre_tokenizer", "ByteLevel as the last step (only byte-level BPE is implemented)", json);
  }
  return sequence(steps.map((step, i) => parseStep(step, i === steps.length - 1)));
}

interface Step {
  readonly json: JsonObject;
  readonly path: string;
}

function flatten(json: Json, path: string): Step[] {
  if (json === null) return [];
  const object = asObject(json, path);
  if (object.type !== "Sequence") return [{ json: object, path }];
  const list = asArray(object.pretokenizers, `${path}.pretokenizers`);
  return list.flatMap((item, i) => flatten(item, `${path}.pretokenizers[${i}]`));
}

function parseStep({ json, path }: Step, isLast: boolean): PreTokenizer {
  if (json.type === "ByteLevel" && isLast) return parseByteLevel(json, path);
  if (json.type === "Split") return parseSplit(json, path);
  throw unsupported(`${path}.type`, "Split, or ByteLevel as the last step", json.type);
}

function parseByteLevel(json: JsonObject, path: string): PreTokenizer {
  if (json.add_prefix_space !== false) {
    throw unsupported(`${path}.add_prefix_space`, "false", json.add_prefix_space);
  }
  return json.use_regex === false ? wholeText : splitByRegex(fromOniguruma(GPT2_PATTERN));
}

function parseSplit(json: JsonObject, path: string): PreTokenizer {
  if (json.behavior !== "Isolated") throw unsupported(`${path}.behavior`, '"Isolated"', json.behavior);
  if (json.invert !== undefined && json.invert !== false) throw unsupported(`${path}.invert`, "false", json.invert);
  const pattern = asObject(json.pattern, `${path}.pattern`);
  if (pattern.Regex === undefined) throw unsupported(`${path}.pattern`, "a Regex", json.pattern);
  return splitByRegex(fromOniguruma(asString(pattern.Regex, `${path}.pattern.Regex`)));
}

/** The error for a part of tokenizer.json that is valid but not implemented. */
export function unsupported(operand: string, expected: string, value: Json | undefined): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({ op: "parseTokenizer", operand, expected, actual: describe(value) });
}
