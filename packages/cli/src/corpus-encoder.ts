import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CorpusEncoder } from "@ds3/data/node";
import { ConfigError, didYouMean } from "@ds3/errors";
import { parseTokenizerConfig, type Tokenizer } from "@ds3/tokenizer";
import type { BuildFile } from "./build-file.ts";

/** DeepSeek-V3's names, also in `deepseekTokens`. */
const BEGIN = "<｜begin▁of▁sentence｜>";
const END = "<｜end▁of▁sentence｜>";
const FIM = { fimHole: "<｜fim▁hole｜>", fimBegin: "<｜fim▁begin｜>", fimEnd: "<｜fim▁end｜>" };

/** Special tokens of a tokenizer that is trained here: those that pre-training, chat and fill-in-the-middle need. */
export const deepseekTokens: readonly string[] = [
  BEGIN,
  END,
  "<｜▁pad▁｜>",
  "<｜User｜>",
  "<｜Assistant｜>",
  ...Object.values(FIM),
];

/** The names of the tokens around a document. */
export type BorderTokens = Pick<BuildFile, "bosToken" | "eosToken">;

/** What tokenizer_config.json beside a tokenizer.json calls them; nothing where there is none. */
export async function readBorderTokens(tokenizerPath: string): Promise<BorderTokens> {
  const json = await readFile(join(dirname(tokenizerPath), "tokenizer_config.json"), "utf8").catch(() => undefined);
  if (json === undefined) return {};
  const { bosToken, eosToken } = parseTokenizerConfig(json);
  return { ...(bosToken === undefined ? {} : { bosToken }), ...(eosToken === undefined ? {} : { eosToken }) };
}

/**
 * A tokenizer as a build needs it: fill-in-the-middle where it has DeepSeek-V3's tokens for it, and splitting of tokens
 * where it is byte-level.
 * @param findAdded which added tokens are found in texts; see `BuildFile.addedTokens`.
 * @throws ConfigError for a begin or end token that is none.
 */
export function createCorpusEncoder(
  tokenizer: Tokenizer,
  borders: BorderTokens,
  findAdded: NonNullable<BuildFile["addedTokens"]> = "none",
): CorpusEncoder {
  const added = new Set(tokenizer.addedTokens.map(({ id }) => id));
  const idOf = (key: keyof BorderTokens, known: string): number | undefined => {
    const token = borders[key];
    if (token === null) return undefined;
    const id = tokenizer.idOf(token ?? known);
    if (id !== undefined || token === undefined) return id;
    const names = tokenizer.addedTokens.map(({ content }) => content);
    const hint = didYouMean(token, names);
    throw new ConfigError({
      op: "ds3 data build",
      operand: key,
      expected: "a token",
      actual: JSON.stringify(token),
      hint,
    });
  };
  const [bosId, eosId] = [idOf("bosToken", BEGIN), idOf("eosToken", END)];
  const fim = Object.fromEntries(Object.entries(FIM).map(([key, token]) => [key, tokenizer.idOf(token)]));
  const hasFim = Object.values(fim).every((id) => id !== undefined);
  return {
    name: `sha256:${createHash("sha256").update(tokenizer.toJson()).digest("hex")}, addedTokens ${findAdded}`,
    vocabSize: tokenizer.vocabSize,
    encode: (text) => tokenizer.encode(text, { addSpecialTokens: false, addedTokens: findAdded }),
    ...(bosId === undefined ? {} : { bosId }),
    ...(eosId === undefined ? {} : { eosId }),
    ...(hasFim ? { fim: fim as NonNullable<CorpusEncoder["fim"]> } : {}),
    addedTokens: findAdded === "none" ? [] : tokenizer.addedTokens.map(({ content }) => content),
    ...(tokenizer.decoder.isByteLevel
      ? { bytesOf: (id) => (added.has(id) || tokenizer.tokenOf(id) === undefined ? undefined : tokenizer.bytesOf(id)) }
      : {}),
  };
}
