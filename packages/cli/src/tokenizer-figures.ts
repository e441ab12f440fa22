import type { Document } from "@ds3/data";
import type { Tokenizer } from "@ds3/tokenizer";
import { formatBytes, formatCount } from "./format.ts";

/** How a tokenizer does on texts of one language. */
export interface TextFigures {
  /** Code of the language, or "all". */
  readonly name: string;
  readonly documents: number;
  /** UTF-8 bytes of text. */
  readonly bytes: number;
  readonly characters: number;
  readonly tokens: number;
  readonly bytesPerToken: number;
  readonly charactersPerToken: number;
  /** Encoding alone. */
  readonly megabytesPerSecond: number;
}

/** What `ds3 tokenizer inspect` tells. */
export interface TokenizerFigures {
  readonly vocabSize: number;
  /** As tokenizer.json names it. */
  readonly model: string;
  readonly addedTokens: number;
  readonly specialTokens: readonly string[];
  /** Tokens that are no UTF-8 by themselves. */
  readonly partialTokens: number;
  readonly longest: readonly { readonly id: number; readonly text: string; readonly bytes: number }[];
  /** Tokens of the vocabulary by their bytes, added ones left out. */
  readonly tokenBytes: readonly { readonly from: number; readonly count: number }[];
  /** By language, the one with most text first; empty without texts. */
  readonly languages: readonly TextFigures[];
  readonly total: TextFigures | undefined;
}

interface Sums {
  documents: number;
  bytes: number;
  characters: number;
  tokens: number;
  seconds: number;
}

/** The figures of some texts as a table, for the terminal and for the page. */
export function languageTable(texts: readonly TextFigures[]): { readonly header: string[]; readonly rows: string[][] } {
  return {
    header: ["language", "documents", "text", "tokens", "bytes/token", "characters/token", "MB/s"],
    rows: texts.map((each) => [
      each.name,
      formatCount(each.documents),
      formatBytes(each.bytes),
      formatCount(each.tokens),
      each.bytesPerToken.toFixed(2),
      each.charactersPerToken.toFixed(2),
      each.megabytesPerSecond.toFixed(1),
    ]),
  };
}

/** Measure a tokenizer, and how it does on documents that know their language. */
export async function measureTokenizer(
  tokenizer: Tokenizer,
  documents: AsyncIterable<Document>,
  top: number,
  onDocument: (bytes: number) => void,
): Promise<TokenizerFigures> {
  const sums = new Map<string, Sums>();
  for await (const { text, language = "und" } of documents) {
    const sum = sums.get(language) ?? { documents: 0, bytes: 0, characters: 0, tokens: 0, seconds: 0 };
    sums.set(language, sum);
    const bytes = Buffer.byteLength(text);
    const start = performance.now();
    sum.tokens += tokenizer.encode(text, { addSpecialTokens: false }).length;
    sum.seconds += (performance.now() - start) / 1000;
    sum.documents++;
    sum.bytes += bytes;
    sum.characters += countCharacters(text);
    onDocument(bytes);
  }
  const languages = [...sums].sort(([, a], [, b]) => b.bytes - a.bytes).map(([name, sum]) => figuresOf(name, sum));
  const total = sums.size === 0 ? undefined : figuresOf("all", [...sums.values()].reduce(addSums));
  return { ...vocabularyFigures(tokenizer, top), languages, total };
}

type VocabularyFigures = Omit<TokenizerFigures, "languages" | "total">;

function vocabularyFigures(tokenizer: Tokenizer, top: number): VocabularyFigures {
  const added = new Set(tokenizer.addedTokens.map(({ id }) => id));
  const counts: number[] = [];
  const tokens: { id: number; bytes: number; text: string }[] = [];
  let partialTokens = 0;
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (added.has(id) || tokenizer.tokenOf(id) === undefined) continue;
    const bytes = tokenizer.bytesOf(id);
    counts[bytes.length] = (counts[bytes.length] ?? 0) + 1;
    const text = new TextDecoder().decode(bytes);
    if (text.includes("\uFFFD")) partialTokens++;
    else tokens.push({ id, bytes: bytes.length, text });
  }
  const { model } = JSON.parse(tokenizer.toJson()) as { model: { type: string } };
  return {
    vocabSize: tokenizer.vocabSize,
    model: model.type,
    addedTokens: added.size,
    specialTokens: tokenizer.specialTokens,
    partialTokens,
    longest: tokens.sort((a, b) => b.bytes - a.bytes || a.id - b.id).slice(0, top),
    tokenBytes: Array.from(counts, (count, from) => ({ from, count: count ?? 0 })).slice(1),
  };
}

function figuresOf(name: string, { documents, bytes, characters, tokens, seconds }: Sums): TextFigures {
  const perToken = (amount: number): number => (tokens === 0 ? 0 : amount / tokens);
  return {
    name,
    documents,
    bytes,
    characters,
    tokens,
    bytesPerToken: perToken(bytes),
    charactersPerToken: perToken(characters),
    megabytesPerSecond: seconds === 0 ? 0 : bytes / 1e6 / seconds,
  };
}

function addSums(a: Sums, b: Sums): Sums {
  return {
    documents: a.documents + b.documents,
    bytes: a.bytes + b.bytes,
    characters: a.characters + b.characters,
    tokens: a.tokens + b.tokens,
    seconds: a.seconds + b.seconds,
  };
}

/** Code points. */
function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}
