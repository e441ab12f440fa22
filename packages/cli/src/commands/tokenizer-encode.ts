import { readFile } from "node:fs/promises";
import { FormatError } from "@ds3/errors";
import type { Tokenizer } from "@ds3/tokenizer";
import { loadTokenizer } from "@ds3/tokenizer/node";
import type { Terminal } from "../terminal.ts";

/** Options of `ds3 tokenizer encode`. */
export interface TokenizerEncodeOptions {
  /** A row for each token: id, start, end, token. */
  readonly offsets: boolean;
  /** What offsets count. */
  readonly unit: "utf16" | "codePoint" | "byte";
  /** The other way: ids, separated by spaces, to text. */
  readonly decode: boolean;
  /** Every line is a text of its own. */
  readonly lines: boolean;
  /** Add what the tokenizer's template adds; when decoding, keep special tokens. */
  readonly special: boolean;
  /** Which added tokens are found in the text itself. */
  readonly addedTokens: "all" | "none";
}

interface Input {
  /** A path, or "-". */
  readonly source: string;
  readonly text: string;
}

/** Encode files, or standard input where there are none; or decode them. */
export async function tokenizerEncode(
  tokenizerPath: string,
  paths: readonly string[],
  options: TokenizerEncodeOptions,
  terminal: Terminal,
): Promise<void> {
  const tokenizer = await loadTokenizer(tokenizerPath);
  const inputs = paths.length === 0 ? [{ source: "-", text: await readAll(terminal.stdin) }] : await readFiles(paths);
  const parts = options.lines ? inputs.flatMap(linesOf) : inputs;
  if (options.decode) decodeAll(tokenizer, parts, options, terminal);
  else encodeAll(tokenizer, parts, options, terminal);
}

function encodeAll(
  tokenizer: Tokenizer,
  inputs: readonly Input[],
  options: TokenizerEncodeOptions,
  terminal: Terminal,
): void {
  const { addedTokens, special: addSpecialTokens } = options;
  const results = inputs.map(({ source, text }) => {
    if (!options.offsets) {
      const ids = Array.from(tokenizer.encode(text, { addSpecialTokens, addedTokens }));
      terminal.print(ids.join(" "));
      return { source, ids };
    }
    const encoding = tokenizer.encodeWithOffsets(text, { addSpecialTokens, addedTokens, unit: options.unit });
    const { ids, offsets } = encoding;
    const tokens = encoding.tokens();
    const pairs = Array.from(ids, (_, i) => [offsets[2 * i]!, offsets[2 * i + 1]!] as const);
    const rows = tokens.map((token, i) => `${ids[i]}\t${pairs[i]!.join("\t")}\t${JSON.stringify(token)}`);
    terminal.print(rows.join("\n"));
    return { source, ids: Array.from(ids), tokens, offsets: pairs };
  });
  terminal.document({ texts: results });
}

function decodeAll(
  tokenizer: Tokenizer,
  inputs: readonly Input[],
  options: TokenizerEncodeOptions,
  terminal: Terminal,
): void {
  const results = inputs.map(({ source, text }) => {
    const decoded = tokenizer.decode(parseIds(source, text), { skipSpecialTokens: !options.special });
    if (options.lines) terminal.print(decoded);
    else if (!terminal.json) terminal.write(decoded);
    return { source, text: decoded };
  });
  terminal.document({ texts: results });
}

function parseIds(source: string, text: string): number[] {
  const words = text.split(/[\s,[\]]+/).filter((word) => word !== "");
  return words.map((word) => {
    if (/^\d+$/.test(word)) return Number(word);
    const details = { operand: source, expected: "ids separated by spaces", actual: JSON.stringify(word) };
    throw new FormatError({ op: "ds3 tokenizer encode --decode", ...details });
  });
}

function linesOf({ source, text }: Input): Input[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, i) => ({ source: `${source}:${i + 1}`, text: line.replace(/\r$/, "") }));
}

async function readFiles(paths: readonly string[]): Promise<Input[]> {
  return Promise.all(paths.map(async (source) => ({ source, text: asText(source, await readBytes(source)) })));
}

async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: Error) => {
    const details = { operand: path, expected: "a readable file", actual: cause.message, cause };
    throw new FormatError({ op: "ds3 tokenizer encode", ...details });
  });
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return asText("standard input", Buffer.concat(chunks));
}

function asText(source: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const details = { operand: source, expected: "UTF-8", actual: "other bytes", cause };
    throw new FormatError({ op: "ds3 tokenizer encode", ...details });
  }
}
