import { createCl100kScanner } from "./cl100k.ts";
import { createDeepseekV3Scanner } from "./deepseek-v3.ts";
import { createGpt2Scanner } from "./gpt2.ts";
import { createO200kScanner } from "./o200k.ts";
import type { Scanner } from "./scanner.ts";
import { ScannerSplitter } from "./scanner-splitter.ts";

/** GPT-2's pattern, which HF's ByteLevel applies when `use_regex` is true. */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The patterns of DeepSeek-V3's three successive splits. */
export const DEEPSEEK_V3_PATTERNS: readonly string[] = [
  "\\p{N}{1,3}",
  "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+" +
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** cl100k as HF's files spell it; Llama 3 has the same, Qwen 2 single digits. */
const cl100k = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;

/** The same with possessive quantifiers, as tiktoken and rustbpe spell it: every match is the same. */
const possessiveCl100k = (digits: string): string =>
  `'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*` +
  "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

const [UPPER, LOWER] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
const O200K =
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${CONTRACTIONS}?|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${CONTRACTIONS}?` +
  `|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;

const once = (create: () => Scanner): (() => Scanner) => {
  let scanner: Scanner | undefined;
  return () => {
    scanner ??= create();
    return scanner;
  };
};

const digits = [1, 2, 3].map((most) => once(() => createCl100kScanner(most)));
const [one, two, three] = digits as [() => Scanner, () => Scanner, () => Scanner];

const scanners: ReadonlyMap<string, () => Scanner> = new Map([
  [keyOf([GPT2_PATTERN]), once(createGpt2Scanner)],
  [keyOf(DEEPSEEK_V3_PATTERNS), once(createDeepseekV3Scanner)],
  [keyOf([cl100k("")]), one],
  [keyOf([cl100k("{1,2}")]), two],
  [keyOf([cl100k("{1,3}")]), three],
  [keyOf([possessiveCl100k("{1,2}")]), two],
  [keyOf([possessiveCl100k("{1,3}")]), three],
  [keyOf([O200K]), once(createO200kScanner)],
]);

/**
 * The hand-written scanner of a sequence of isolated splits, given by their patterns as Oniguruma spells them; undefined
 * for patterns without one.
 *
 * But for DeepSeek-V3's, each matches every character: "removed and inverted" gives the same pieces as "isolated".
 */
export function knownScanner(patterns: readonly string[]): ScannerSplitter | undefined {
  const scanner = scanners.get(keyOf(patterns));
  return scanner && new ScannerSplitter(scanner());
}

function keyOf(patterns: readonly string[]): string {
  return patterns.join("\0");
}
