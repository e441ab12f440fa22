/**
 * The normalization forms of Unicode as HF has them: version 9, with the origin of every character.
 *
 * The engine's own `normalize` does the work where no origins are wanted. It may be newer than 9; forms of assigned
 * characters never change, so only characters that came later differ: those HF leaves alone, which makes each of them
 * a border between stretches that the engine normalizes.
 */
import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";
import { combiningRanks, inert, notInertPattern, secondStarters } from "./pinned-classes.ts";
import { ChangeWriter } from "./rewrite.ts";

/** Names of the forms, in tokenizer.json and in JavaScript alike. */
export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

function createForm(form: NormalizationForm): Normalizer {
  return {
    normalize(input) {
      const { text } = input;
      const normalized = normalizeText(text, form);
      if (normalized === text) return input;
      return input.origin === undefined ? { text: normalized, atStart: input.atStart } : normalizeTracked(input, form);
    },
  };
}

/** HF's NFC. */
export const nfc: Normalizer = createForm("NFC");
/** HF's NFD. */
export const nfd: Normalizer = createForm("NFD");
/** HF's NFKC. */
export const nfkc: Normalizer = createForm("NFKC");
/** HF's NFKD. */
export const nfkd: Normalizer = createForm("NFKD");

/**
 * A unit that a form may change. NFC leaves everything before the first combining mark alone, and a class above U+00FF
 * costs nothing on a string of one-byte units.
 */
const changeable: Readonly<Record<NormalizationForm, RegExp>> = {
  NFC: /[\u0300-\uffff]/,
  NFD: /[^\0-\x7f]/,
  NFKC: /[^\0-\x7f]/,
  NFKD: /[^\0-\x7f]/,
};

function normalizeText(text: string, form: NormalizationForm): string {
  if (!changeable[form].test(text)) return text;
  if (!inert().occurIn(text)) return text.normalize(form);
  return text.replace(notInertPattern(), (stretch) => stretch.normalize(form));
}

/** Stretches that can be normalized apart: ASCII is never combined with what stands before it. */
const stretches = /[\0-\x7f]?[^\0-\x7f]+/gu;

function normalizeTracked(input: AlignedText, form: NormalizationForm): AlignedText {
  const { text } = input;
  const builder = new AlignedTextBuilder(input);
  let end = 0;
  for (const match of text.matchAll(stretches)) {
    if (normalizeText(match[0], form) === match[0]) continue;
    builder.copy(end, match.index);
    end = match.index + match[0].length;
    writeStretch(match[0], form, new ChangeWriter(input, builder, match.index));
  }
  builder.copy(end, text.length);
  return builder.build();
}

interface Part {
  readonly character: string;
  /** As `ChangeWriter` takes it. */
  readonly change: number;
  /** Rank of the combining class, 0 for a starter. */
  readonly rank: number;
}

function writeStretch(text: string, form: NormalizationForm, writer: ChangeWriter): void {
  const parts = decompose(text, form.includes("K") ? "NFKD" : "NFD");
  const written = form.endsWith("C") ? compose(parts) : parts;
  for (const { character, change } of written) writer.write(character, change);
}

/** Every character taken apart, the marks after each starter in the order of their classes. */
function decompose(text: string, form: "NFD" | "NFKD"): Part[] {
  const ranks = combiningRanks();
  const parts: Part[] = [];
  let marksFrom = 0;
  const sortMarks = (): void => {
    const marks = parts.splice(marksFrom);
    marks.sort((a, b) => a.rank - b.rank);
    for (const mark of marks) parts.push(mark);
  };
  for (let at = 0; at < text.length; ) {
    const size = sizeAt(text, at);
    let change = 0;
    for (const character of decompositionOf(text.slice(at, at + size), form)) {
      const rank = ranks.get(character.codePointAt(0)!) ?? 0;
      if (rank === 0) {
        sortMarks();
        marksFrom = parts.length + 1;
      }
      parts.push({ character, change, rank });
      change = 1;
    }
    at += size;
  }
  sortMarks();
  return parts;
}

const decompositions = { NFD: new Map<string, string>(), NFKD: new Map<string, string>() };

/** One character taken apart; remembered, as the same few characters make up most of a text. */
function decompositionOf(character: string, form: "NFD" | "NFKD"): string {
  const known = decompositions[form];
  let parts = known.get(character);
  if (parts === undefined) {
    parts = normalizeText(character, form);
    if (known.size < 1 << 16) known.set(character, parts);
  }
  return parts;
}

/** Characters put together where Unicode has one for both; it takes the places of all that it is made of. */
function compose(parts: readonly Part[]): Part[] {
  const composed: Part[] = [];
  let starter = -1;
  let lastRank = 0;
  for (const part of parts) {
    const isBlocked = lastRank > 0 && lastRank >= part.rank;
    const isSecond = part.rank > 0 || secondStarters().has(part.character);
    const base = starter >= 0 && isSecond && !isBlocked ? composed[starter]! : undefined;
    const character = base && composePair(base.character, part.character);
    if (base !== undefined && character !== undefined) {
      composed[starter] = { character, change: base.change + part.change - 1, rank: 0 };
      continue;
    }
    if (part.rank === 0) starter = composed.length;
    lastRank = part.rank;
    composed.push(part);
  }
  return composed;
}

function composePair(first: string, second: string): string | undefined {
  const both = first + second;
  const composed = normalizeText(both, "NFC");
  return composed.length > 0 && composed.length === sizeAt(composed, 0) ? composed : undefined;
}
