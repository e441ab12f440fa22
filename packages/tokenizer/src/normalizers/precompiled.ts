/**
 * SentencePiece's compiled character map (T5, XLM-RoBERTa, mBART) as HF reads it.
 *
 * The map is a double array over UTF-8 bytes (a little-endian u32 with its size, its units as u32) and the replacements,
 * each ended by a zero byte. HF looks up a grapheme of less than 6 bytes as a whole first, and takes the *shortest* key
 * that the text begins with for all of it; SentencePiece itself takes the longest. Files are made for HF's way.
 */
import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import { graphemeEnd } from "../unicode/graphemes.ts";
import { writeUtf8 } from "../utf8.ts";
import type { Normalizer } from "./normalizer.ts";
import { ChangeWriter } from "./rewrite.ts";

/** Graphemes of this many bytes or more are looked up character by character. */
const WHOLE_GRAPHEME_BYTES = 6;
/** Room for a grapheme of so few units that it may be short, at three bytes a unit. */
const scratch = new Uint8Array(3 * WHOLE_GRAPHEME_BYTES);

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

/** Replace graphemes and characters as a compiled map says (HF's Precompiled). Linear in the text. */
export function createPrecompiled(map: CharacterMap): Normalizer {
  const known = new Map<number, string>();
  const read = (at: number): string => {
    const replacement = known.get(at) ?? readReplacement(map.replacements, at);
    known.set(at, replacement);
    return replacement;
  };
  const find: Find = (text, emit) => findReplaced(map, text, (from, to, at) => emit(from, to, read(at)));
  return { normalize: (input) => (input.origin === undefined ? rewrite(input, find) : rewriteTracked(input, find)) };
}

/** Finds what is replaced in a text, from left to right. */
type Find = (text: string, emit: (from: number, to: number, replacement: string) => void) => void;

function rewrite(input: AlignedText, find: Find): AlignedText {
  const { text, atStart } = input;
  let written = "";
  let end = 0;
  let isChanged = false;
  find(text, (from, to, replacement) => {
    isChanged = true;
    written += end < from ? text.slice(end, from) + replacement : replacement;
    end = to;
  });
  return isChanged ? { text: written + text.slice(end), atStart } : input;
}

interface Changes {
  readonly characters: string[];
  readonly changes: number[];
}

function rewriteTracked(input: AlignedText, find: Find): AlignedText {
  const { text } = input;
  const out: Changes = { characters: [], changes: [] };
  let end = 0;
  let isChanged = false;
  find(text, (from, to, replacement) => {
    isChanged = true;
    keepPart(out, text.slice(end, from));
    replacePart(out, text.slice(from, to), replacement);
    end = to;
  });
  if (!isChanged) return input;
  keepPart(out, text.slice(end));
  const builder = new AlignedTextBuilder(input);
  const writer = new ChangeWriter(input, builder);
  out.characters.forEach((character, i) => {
    writer.write(character, out.changes[i]!);
  });
  return builder.build();
}

function keepPart({ characters, changes }: Changes, part: string): void {
  for (const character of part) {
    characters.push(character);
    changes.push(0);
  }
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

/** Call `emit` for every grapheme or character with a replacement, which begins at `at` of the map's. */
function findReplaced(map: CharacterMap, text: string, emit: (from: number, to: number, at: number) => void): void {
  for (let from = 0, end = 0; from < text.length; from = end) {
    end = graphemeEnd(text, from);
    if (end - from < WHOLE_GRAPHEME_BYTES) {
      const length = writeUtf8((i) => text.charCodeAt(from + i), end - from, scratch, 0);
      const at = length < WHOLE_GRAPHEME_BYTES ? searchKey(map, length) : -1;
      if (at >= 0) emit(from, end, at);
      if (at >= 0 || end - from === sizeAt(text, from)) continue;
    }
    for (let start = from, stop = 0; start < end; start = stop) {
      stop = start + sizeAt(text, start);
      const length = writeUtf8((i) => text.charCodeAt(start + i), stop - start, scratch, 0);
      const at = searchKey(map, length);
      if (at >= 0) emit(start, stop, at);
    }
  }
}

/** Where the replacement of the shortest key begins that the first bytes of `scratch` begin with; -1 without one. */
function searchKey({ units }: CharacterMap, length: number): number {
  let unit = units[0]!;
  let node = offsetOf(unit);
  for (let i = 0; i < length; i++) {
    const byte = scratch[i]!;
    if (byte === 0) return -1;
    node ^= byte;
    unit = units[node] ?? 0;
    // The top bit marks a value, so a unit that holds one is no label.
    if ((unit & 0x800000ff) >>> 0 !== byte) return -1;
    node ^= offsetOf(unit);
    if ((unit >>> 8) & 1) return (units[node] ?? 0) & 0x7fffffff;
  }
  return -1;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function readReplacement(replacements: Uint8Array, from: number): string {
  const end = replacements.indexOf(0, from);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(replacements.subarray(from, end < 0 ? undefined : end));
}
