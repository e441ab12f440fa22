/**
 * SentencePiece's compiled character map (T5, XLM-RoBERTa, mBART) as HF reads it.
 *
 * The map is a double array over UTF-8 bytes (a little-endian u32 with its size, its units as u32) and the replacements,
 * each ended by a zero byte. HF looks up a grapheme of less than 6 bytes as a whole first, and takes the *shortest* key
 * that the text begins with for all of it; SentencePiece itself takes the longest. Files are made for HF's way.
 */
import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";
import { ChangeWriter } from "./rewrite.ts";

/** Graphemes of this many bytes or more are looked up character by character. */
const WHOLE_GRAPHEME_BYTES = 6;
const encoder = new TextEncoder();

/** A compiled character map that was read. */
export interface CharacterMap {
  readonly units: Uint32Array;
  /** UTF-8, zero-terminated entries. */
  readonly replacements: Uint8Array;
}

/** Read a map from its bytes; undefined when they are none. */
export function readCharacterMap(bytes: Uint8Array): CharacterMap | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true) >>> 2;
  if (count === 0 || 4 + 4 * count > bytes.length) return undefined;
  const units = Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i, true));
  return { units, replacements: bytes.subarray(4 + 4 * count) };
}

/** Replace graphemes and characters as a compiled map says (HF's Precompiled). */
export function createPrecompiled(map: CharacterMap): Normalizer {
  const cache = new Map<string, string | undefined>();
  const lookUp = (text: string): string | undefined => {
    if (!cache.has(text)) {
      if (cache.size >= 1 << 16) cache.clear();
      cache.set(text, replacementOf(map, text));
    }
    return cache.get(text);
  };
  return { normalize: (input) => rewrite(input, lookUp) };
}

type LookUp = (text: string) => string | undefined;

function rewrite(input: AlignedText, lookUp: LookUp): AlignedText {
  const changes = collectChanges(input.text, lookUp);
  if (changes === undefined) return input;
  if (input.origin === undefined) return { text: changes.characters.join(""), atStart: input.atStart };
  const builder = new AlignedTextBuilder(input);
  const writer = new ChangeWriter(input, builder);
  changes.characters.forEach((character, i) => {
    writer.write(character, changes.changes[i]!);
  });
  return builder.build();
}

interface Changes {
  readonly characters: string[];
  readonly changes: number[];
}

/** What every character becomes; undefined when the map says nothing about any of them. */
function collectChanges(text: string, lookUp: LookUp): Changes | undefined {
  const out: Changes = { characters: [], changes: [] };
  let isChanged = false;
  const rewriteOne = (part: string): boolean => {
    const replacement = lookUp(part);
    if (replacement === undefined) return false;
    isChanged = true;
    replacePart(out, part, replacement);
    return true;
  };
  for (const grapheme of graphemesOf(text)) {
    if (isShort(grapheme) && rewriteOne(grapheme)) continue;
    for (const character of grapheme) {
      if (rewriteOne(character)) continue;
      out.characters.push(character);
      out.changes.push(0);
    }
  }
  return isChanged ? out : undefined;
}

/** HF's accounting: characters beyond the old ones are new; missing ones are gone after the last character so far. */
function replacePart({ characters, changes }: Changes, part: string, replacement: string): void {
  const added = [...replacement];
  const more = added.length - [...part].length;
  added.forEach((character, i) => {
    characters.push(character);
    changes.push(i >= added.length - more ? 1 : 0);
  });
  if (more < 0 && changes.length > 0) changes[changes.length - 1]! += more;
}

function isShort(grapheme: string): boolean {
  return grapheme.length === sizeAt(grapheme, 0) || encoder.encode(grapheme).length < WHOLE_GRAPHEME_BYTES;
}

/** Stretches whose characters may belong together; every other ASCII character is a grapheme of its own. */
const stretches = /\r\n|[\0-\x7f]?[^\0-\x7f](?:[\0-\x7f]?[^\0-\x7f])*[\0-\x7f]?/gu;
let segmenter: Intl.Segmenter | undefined;

function* graphemesOf(text: string): Generator<string> {
  let end = 0;
  for (const match of text.matchAll(stretches)) {
    yield* text.slice(end, match.index);
    segmenter ??= new Intl.Segmenter("und", { granularity: "grapheme" });
    for (const { segment } of segmenter.segment(match[0])) yield segment;
    end = match.index + match[0].length;
  }
  yield* text.slice(end);
}

/** The replacement of the shortest key that the text begins with. */
function replacementOf({ units, replacements }: CharacterMap, text: string): string | undefined {
  let unit = units[0]!;
  let node = offsetOf(unit);
  for (const byte of encoder.encode(text)) {
    if (byte === 0) return undefined;
    node ^= byte;
    unit = units[node] ?? 0;
    // The top bit marks a value, so a unit that holds one is no label.
    if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
    node ^= offsetOf(unit);
    if ((unit >>> 8) & 1) return readReplacement(replacements, (units[node] ?? 0) & 0x7fffffff);
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function readReplacement(replacements: Uint8Array, from: number): string {
  const end = replacements.indexOf(0, from);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(replacements.subarray(from, end < 0 ? undefined : end));
}
