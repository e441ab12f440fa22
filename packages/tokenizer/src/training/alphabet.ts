import { bytesInAlphabetOrder, charOfByte } from "../byte-alphabet.ts";
import type { WordCounts } from "./count-words.ts";
import { byteSymbols, type CharacterSymbols, characterSymbols, codePointAt, type SpellWord } from "./symbols.ts";

/** The tokens that merges start from, appended to those that are there, and how words are spelled in them. */
export interface Alphabet {
  /** All tokens so far, by id. */
  readonly tokens: string[];
  readonly spell: SpellWord;
}

/** The 256 bytes by their stand-ins' code points; a token that is a stand-in serves as that byte too. */
export function byteAlphabet(first: readonly string[]): Alphabet {
  const tokens = [...first];
  const idOfByte = new Int32Array(256);
  for (const byte of bytesInAlphabetOrder()) idOfByte[byte] = idOf(tokens, charOfByte(byte));
  return { tokens, spell: byteSymbols(idOfByte) };
}

/** Options of `characterAlphabet`. */
export interface CharacterAlphabetOptions {
  /** Keep the characters that occur most often, ties to the lower code point. Default: all. */
  readonly limit?: number | undefined;
  /** What tokens inside a word begin with. Default "". */
  readonly continuingPrefix?: string;
}

/**
 * The characters of the words by code point, then, with a prefix, those that occur inside words with it.
 *
 * HF numbers the latter as it meets them in an order that changes from run to run; by code point, training always gives
 * the same.
 */
export function characterAlphabet(
  first: readonly string[],
  words: WordCounts,
  { limit = Number.POSITIVE_INFINITY, continuingPrefix = "" }: CharacterAlphabetOptions = {},
): Alphabet {
  const { total, inside } = countCharacters(words);
  const byCount = [...total].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, limit);
  const kept = byCount.map(([code]) => code).sort((a, b) => a - b);
  const tokens = [...first];
  const known = new Map(tokens.map((token, id) => [token, id]));
  const number = (codes: readonly number[], prefix: string): ReadonlyMap<number, number> =>
    new Map(codes.map((code) => [code, idOf(tokens, prefix + String.fromCodePoint(code), known)]));
  const symbols: CharacterSymbols = { first: number(kept, ""), continuing: new Map() };
  if (continuingPrefix === "") return { tokens, spell: characterSymbols({ ...symbols, continuing: symbols.first }) };
  const continuing = number(
    kept.filter((code) => inside.has(code)),
    continuingPrefix,
  );
  return { tokens, spell: characterSymbols({ ...symbols, continuing }) };
}

function countCharacters(words: WordCounts): { total: Map<number, number>; inside: Set<number> } {
  const total = new Map<number, number>();
  const inside = new Set<number>();
  words.eachWord((bytes, length, word) => {
    const weight = words.counts[word]!;
    for (let at = 0; at < length; ) {
      const [code, size] = codePointAt(bytes, at);
      total.set(code, (total.get(code) ?? 0) + weight);
      if (at > 0) inside.add(code);
      at += size;
    }
  });
  return { total, inside };
}

/** The id of a token, which is appended when new. */
function idOf(tokens: string[], token: string, known?: Map<string, number>): number {
  const found = known === undefined ? tokens.indexOf(token) : (known.get(token) ?? -1);
  if (found >= 0) return found;
  known?.set(token, tokens.length);
  return tokens.push(token) - 1;
}
