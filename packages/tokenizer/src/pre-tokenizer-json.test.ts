import { FormatError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { offsetsOf, readCases, type Span, unitPositions } from "../test/reference-cases.ts";
import { originOf, track, untracked } from "./aligned-text.ts";
import type { JsonObject } from "./json-reader.ts";
import { eachPiece, type PreTokenizer } from "./pre-tokenizer.ts";
import { parsePreTokenizer, preTokenizerPresets, type TrainedPreTokenizer } from "./pre-tokenizer-json.ts";
import { ScannerSplitter } from "./scanners/scanner-splitter.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** Ranges, and pieces where they are not all the text there, 0 for those that are; null for the text as one piece. */
type Row = readonly [ranges: readonly Span[], pieces?: readonly (string | 0)[]] | null;

interface Cases {
  readonly texts: readonly string[];
  /** Rows by text, or the number of an earlier pre-tokenizer that has the same. */
  readonly preTokenizers: readonly { json: JsonObject; rows: readonly Row[] | number }[];
}

const { texts, preTokenizers } = readCases<Cases>("pre-tokenizers.cases.json");

function rowsAt(at: number): readonly Row[] {
  const { rows } = preTokenizers[at]!;
  return typeof rows === "number" ? rowsAt(rows) : rows;
}

/** Pieces without offsets, by the splitter when there is one. */
function fastPieces(preTokenizer: PreTokenizer, text: string): string[] {
  const found: string[] = [];
  eachPiece(preTokenizer, text, true, (piece, from, to) => found.push(piece.slice(from, to)));
  return found;
}

describe("HF's pieces and ranges", () => {
  test.each(preTokenizers.map(({ json }, at) => [JSON.stringify(json), json, rowsAt(at)] as const))(
    "%s",
    (_, json, rows) => {
      const written = parsePreTokenizer(json, { writeBytes: true });
      const preTokenizer = parsePreTokenizer(json);
      expect(written.byteLevel).toBe(false);
      texts.forEach((text, i) => {
        const units = unitPositions(text);
        const [spans, changed] = rows[i] ?? [[units.length - 1]];
        const ranges = offsetsOf(spans).map((point) => units[point]!);
        const expected = slices(text, ranges).map((slice, at) => changed?.[at] || slice);
        const pieces = written.pieces(track(text));
        expect(pieces.map((piece) => piece.text)).toEqual(expected);
        expect(pieces.flatMap((piece) => originOf(piece, 0, piece.text.length))).toEqual(ranges);
        expect(fastPieces(written, text)).toEqual(expected);
        const tracked = preTokenizer.pieces(track(text));
        expect(tracked.flatMap((piece) => originOf(piece, 0, piece.text.length))).toEqual(ranges);
        expect(fastPieces(preTokenizer, text)).toEqual(tracked.map((piece) => piece.text));
        if (!preTokenizer.byteLevel) expect(fastPieces(preTokenizer, text)).toEqual(expected);
      });
    },
  );
});

function slices(text: string, ranges: readonly number[]): string[] {
  return ranges.flatMap((from, i) => (i % 2 === 0 ? text.slice(from, ranges[i + 1]) : []));
}

test("steps that only cut give a splitter; ByteLevel is left to the model as the last step alone", () => {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const digits = { type: "Digits", individual_digits: false };
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  const shape = (...steps: JsonObject[]): unknown => {
    const { splitter, byteLevel } = parsePreTokenizer({ type: "Sequence", pretokenizers: steps });
    return [splitter !== undefined, byteLevel];
  };
  expect(shape(digits, byteLevel)).toEqual([true, true]);
  expect(shape(byteLevel, digits)).toEqual([false, false]);
  expect(shape({ ...byteLevel, add_prefix_space: true })).toEqual([false, true]);
  expect(shape(metaspace)).toEqual([false, false]);
  expect(shape()).toEqual([true, false]);
  expect(fastPieces(parsePreTokenizer(null), "a b")).toEqual(["a b"]);
  expect(fastPieces(parsePreTokenizer(byteLevel), "a é")).toEqual(["a", " é"]);
});

test("Metaspace with scheme first marks the text at the start of the input, not a later one", () => {
  const first = parsePreTokenizer({ type: "Metaspace", replacement: "▁", prepend_scheme: "first" });
  const textsOf = (input: ReturnType<typeof track>): string[] => first.pieces(input).map((piece) => piece.text);
  expect(textsOf(track("a b"))).toEqual(["▁a", "▁b"]);
  expect(textsOf(track("a b", 3))).toEqual(["a", "▁b"]);
  expect(textsOf(untracked("a b", true))).toEqual(["▁a", "▁b"]);
  expect(textsOf(untracked("a b", false))).toEqual(["a", "▁b"]);
});

const presetPieces = (preset: TrainedPreTokenizer, text: string): string[] =>
  fastPieces(parsePreTokenizer(preTokenizerPresets[preset]), text);

test("DeepSeek-V3: splits come one after the other, a piece's end is the end of a text", () => {
  expect(presetPieces("deepseek-v3", "a  b")).toEqual(["a", " ", " b"]);
  expect(presetPieces("deepseek-v3", "a  1")).toEqual(["a", "  ", "1"]);
  expect(presetPieces("deepseek-v3", "a  中")).toEqual(["a", "  ", "中"]);
  expect(presetPieces("deepseek-v3", "12345")).toEqual(["123", "45"]);
  expect(presetPieces("deepseek-v3", "x中文カナ々y")).toEqual(["x", "中文カナ", "々y"]);
  expect(presetPieces("deepseek-v3", "'quoted' _foo e\u0301")).toEqual(["'quoted", "'", " _", "foo", " e\u0301"]);
});

test("a known pattern's scanner and the translated pattern give the same pieces, alone and among other steps", () => {
  const alphabet = ["a", "'s", " ", "\n", "7", "中", "!", "é", "🙂", "\u0300", "\0", "\u0085", "\u{323B0}", "K", "\r"];
  const { pretokenizers } = preTokenizerPresets["deepseek-v3"] as { pretokenizers: readonly JsonObject[] };
  // A lookahead that always holds makes the pattern unknown, so that it is translated.
  const unknown = pretokenizers.map((step) => {
    const regex = (step.pattern as JsonObject | undefined)?.Regex;
    return regex === undefined ? step : { ...step, pattern: { Regex: `(?=)(?:${regex as string})` } };
  });
  const known = parsePreTokenizer(preTokenizerPresets["deepseek-v3"]);
  const translated = parsePreTokenizer({ type: "Sequence", pretokenizers: unknown });
  expect(known.splitter).toBeInstanceOf(ScannerSplitter);
  expect(parsePreTokenizer(preTokenizerPresets.gpt2).splitter).toBeInstanceOf(ScannerSplitter);
  const space = { type: "Split", pattern: { String: "é" }, behavior: "Removed", invert: false };
  const among = parsePreTokenizer({ type: "Sequence", pretokenizers: [space, ...pretokenizers] });
  for (let i = 0; i < 2000; i++) {
    const pick = (j: number): string => alphabet[(Math.imul(i * 17 + j, 2654435761) >>> 9) % alphabet.length]!;
    const text = Array.from({ length: i % 17 }, (_, j) => pick(j)).join("");
    const pieces = fastPieces(known, text);
    expect(pieces).toEqual(fastPieces(translated, text));
    expect(pieces.join("")).toBe(text);
    expect(fastPieces(among, text)).toEqual(text.split("é").flatMap((part) => fastPieces(known, part)));
  }
});

test("what is not known is refused by name, what is malformed by its path", () => {
  const split = { type: "Split", pattern: { Regex: "a" }, behavior: "Isolated", invert: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true };
  const metaspace = { type: "Metaspace", replacement: "▁" };
  const nested = { type: "Sequence", pretokenizers: [{ type: "Sequence", pretokenizers: [{ type: "Foo" }] }] };
  const refused = [
    [{ type: "constructor" }, UnsupportedTokenizerError, /pre_tokenizer.type: .*"constructor"/],
    [nested, UnsupportedTokenizerError, /pretokenizers\[0\].pretokenizers\[0\].type: .*"Foo"/],
    [{ ...split, pattern: { Regex: "(a)\\1" } }, UnsupportedTokenizerError, /\\\\1" at offset 3/],
    [{ ...split, pattern: { String: "a", Regex: "b" } }, FormatError, /pre_tokenizer.pattern: expected an object with/],
    [{ type: "ByteLevel", add_prefix_space: true }, FormatError, /trim_offsets: expected true or false/],
    [{ ...byteLevel, use_regex: 1 }, FormatError, /use_regex: expected true or false, got 1/],
    [{ ...byteLevel, use_regex: null }, FormatError, /use_regex: expected true or false, got null/],
    [{ type: "Metaspace", replacement: "_", prepend_scheme: null }, FormatError, /prepend_scheme: expected "always"/],
    [{ type: "Metaspace", replacement: "_", add_prefix_space: false }, FormatError, /prepend_scheme: expected "never"/],
    [{ type: "Metaspace", replacement: "_", add_prefix_space: 1 }, FormatError, /add_prefix_space: expected true or/],
    [{ type: "Punctuation", behavior: null }, FormatError, /behavior: /],
    [{ type: "FixedLength", length: null }, FormatError, /length: /],
    [{ ...split, pattern: {} }, FormatError, /pre_tokenizer.pattern: expected an object with one key/],
    [{ ...split, behavior: "Keep" }, FormatError, /pre_tokenizer.behavior: .*"Keep"/],
    [{ ...split, invert: 0 }, FormatError, /pre_tokenizer.invert: expected true or false/],
    [{ type: "ByteLevel" }, FormatError, /pre_tokenizer.add_prefix_space/],
    [{ type: "Digits" }, FormatError, /pre_tokenizer.individual_digits/],
    [{ type: "CharDelimiterSplit", delimiter: "ab" }, FormatError, /pre_tokenizer.delimiter: expected one character/],
    [{ type: "FixedLength", length: 0 }, FormatError, /pre_tokenizer.length/],
    [{ ...metaspace, prepend_scheme: "last" }, FormatError, /pre_tokenizer.prepend_scheme/],
    [{ ...metaspace, add_prefix_space: false, prepend_scheme: "first" }, FormatError, /prepend_scheme: .*"never"/],
  ] as const;
  for (const [json, error, message] of refused) {
    expect(() => parsePreTokenizer(json)).toThrow(error);
    expect(() => parsePreTokenizer(json)).toThrow(message);
  }
});
