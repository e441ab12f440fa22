import { formatCount } from "../format.ts";
import { languageTable, type TokenizerFigures } from "../tokenizer-figures.ts";
import { drawBars, drawHistogram } from "./draw.ts";
import { escapeHtml, page, section, table, tiles } from "./page.ts";

/** What a tokenizer is, and how it does on texts, as one page. */
export function tokenizerPage(figures: TokenizerFigures): string {
  return page("Tokenizer", [tilesOf(figures), textsOf(figures), lengthsOf(figures), longestOf(figures)].join("\n"));
}

function tilesOf({ vocabSize, model, addedTokens, total }: TokenizerFigures): string {
  const texts: (readonly [string, string])[] =
    total === undefined
      ? []
      : [
          [total.bytesPerToken.toFixed(2), "bytes of text per token"],
          [total.megabytesPerSecond.toFixed(1), "MB/s encoded, one thread"],
        ];
  return tiles([
    [formatCount(vocabSize), "tokens in the vocabulary"],
    [model, "model"],
    [formatCount(addedTokens), "of them added, such as special tokens"],
    ...texts,
  ]);
}

function textsOf({ languages, total }: TokenizerFigures): string {
  if (total === undefined) return "";
  const bars = languages.map(({ name, bytesPerToken }) => ({
    name,
    value: bytesPerToken,
    text: bytesPerToken.toFixed(2),
  }));
  const { header, rows } = languageTable([...languages, total]);
  return section(
    "On the given texts",
    "Bytes of text that a token stands for, by language: more is shorter sequences.",
    drawBars("languages", "Bytes per token by language", bars) + table(header, rows),
  );
}

function lengthsOf({ tokenBytes }: TokenizerFigures): string {
  return section(
    "Tokens by length",
    "Tokens of the vocabulary by their bytes.",
    drawHistogram("token-bytes", "Tokens by bytes", tokenBytes),
  );
}

function longestOf({ longest }: TokenizerFigures): string {
  const tokens = longest.map(({ text, id }) => `<code title="id ${id}">${escapeHtml(text)}</code>`).join("");
  return section("Longest tokens", "The longest first, as text.", `<div class="tokens">${tokens}</div>`);
}
