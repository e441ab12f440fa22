import type { AlignedText } from "../aligned-text.ts";
import { lowercase } from "./lowercase.ts";
import { nfd } from "./normalization-form.ts";
import type { Normalizer } from "./normalizer.ts";
import { bertClean, bertMarks } from "./pinned-classes.ts";
import { removeCharacters, rewriteCharacters } from "./rewrite.ts";
import { isWhiteSpace } from "./white-space.ts";

/** Options of HF's BertNormalizer. */
export interface BertNormalizerOptions {
  /** Control characters and U+FFFD go, every white space becomes a space. */
  readonly cleanText: boolean;
  /** A space before and after every Chinese character. */
  readonly handleChineseChars: boolean;
  /** NFD without its marks; undefined: as `lowercase` says. */
  readonly stripAccents: boolean | undefined;
  readonly lowercase: boolean;
}

/** The blocks that BERT takes for Chinese; HF's list, which has U+2B920 where the block begins at U+2B820. */
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** The rewriting of BERT (HF's BertNormalizer). */
export function createBertNormalizer(options: BertNormalizerOptions): Normalizer {
  const steps: ((text: AlignedText) => AlignedText)[] = [];
  if (options.cleanText) steps.push(cleanText);
  if (options.handleChineseChars) steps.push(spaceChinese);
  if (options.stripAccents ?? options.lowercase) {
    steps.push(removeAccents);
  }
  if (options.lowercase) steps.push((text) => lowercase.normalize(text));
  return { normalize: (input) => steps.reduce((text, step) => step(text), input) };
}

function cleanText(input: AlignedText): AlignedText {
  if (!bertClean().occurIn(input.text)) return input;
  return rewriteCharacters(input, bertClean().pattern, (c) => (isKeptSpace(c) ? " " : ""));
}

/** White space that is no control character to BERT: tab and the two line ends are none. */
function isKeptSpace(character: string): boolean {
  const unit = character.charCodeAt(0);
  return isWhiteSpace(unit) && unit !== 0x0b && unit !== 0x0c && unit !== 0x85;
}

function spaceChinese(input: AlignedText): AlignedText {
  if (input.origin !== undefined) return rewriteCharacters(input, chinese, (character) => ` ${character} `);
  return { text: input.text.replace(chinese, " $& "), atStart: input.atStart };
}

function removeAccents(input: AlignedText): AlignedText {
  const apart = nfd.normalize(input);
  return bertMarks().occurIn(apart.text) ? removeCharacters(apart, bertMarks().pattern) : apart;
}
