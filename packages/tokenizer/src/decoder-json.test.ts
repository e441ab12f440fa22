import { FormatError } from "@ds3/errors";
import { expect, test } from "vitest";
import { modelsFixture } from "../test/models-fixture.ts";
import { parseDecoder } from "./decoder-json.ts";
import type { Json } from "./json-reader.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const { tokens: lists, cases } = modelsFixture.decoders;
const named = cases.map((entry) => [JSON.stringify(entry.decoder), entry] as const);

test.each(named)("text of HF: %s", (_, { decoder, texts }) => {
  const { decode } = parseDecoder(decoder);
  lists.forEach((tokens, i) => {
    const want = texts[i] === 0 ? tokens.join("") : texts[i];
    if (want !== null) expect(decode(tokens), JSON.stringify(tokens)).toBe(want);
  });
});

test.each(named)("parts of a stream join to the same text, each of whole characters: %s", (_, { decoder }) => {
  const { decode, stream: open } = parseDecoder(decoder);
  const stream = open();
  for (const tokens of lists) {
    const parts = [...tokens.map((token) => stream.push(token)), stream.end()];
    expect(parts.join(""), JSON.stringify(tokens)).toBe(decode(tokens));
    expect(parts.filter((part) => /\p{Surrogate}/u.test(part))).toEqual([]);
  }
});

const sequence = (...decoders: Json[]): Json => ({ type: "Sequence", decoders });
const fuse = { type: "Fuse" };

test.each<[Json, string[], string[]]>([
  [
    { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    ["Ġa", "Ã", "©", "b"],
    [" a", "", "é", "b", ""],
  ],
  [{ type: "ByteFallback" }, ["a", "<0xC3>", "<0xA9>", "b"], ["a", "", "", "éb", ""]],
  [sequence(fuse, { type: "Strip", content: " ", start: 1, stop: 1 }), [" a", " ", "b", " "], ["a", "", " b", "", ""]],
  [
    sequence(fuse, { type: "Replace", pattern: { String: "--" }, content: "—" }),
    ["a-", "-", "b-", "c"],
    ["a", "—", "b", "-c", ""],
  ],
  [{ type: "BPEDecoder", suffix: "</w>" }, ["a</w>", "b</w>"], ["", "a ", "b"]],
  [{ type: "WordPiece", prefix: "##", cleanup: true }, ["a", "##b", "c"], ["a", "b", " c", ""]],
])("a stream gives what is certain at once: %j", (json, tokens, parts) => {
  const stream = parseDecoder(json).stream();
  expect([...tokens.map((token) => stream.push(token)), stream.end()]).toEqual(parts);
});

test("an empty match right behind a match is skipped, and the content is literal", () => {
  const { decode } = parseDecoder({ type: "Replace", pattern: { Regex: "x*" }, content: "$&" });
  expect([decode(["abc"]), decode(["xxb"]), decode(["🙂"]), decode([""])]).toEqual([
    "$&a$&b$&c$&",
    "$&b$&",
    "$&🙂$&",
    "",
  ]);
});

test("only ByteLevel alone lets bytes of ids be joined", () => {
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
  const decoders: Json[] = [byteLevel, sequence(byteLevel), sequence(byteLevel, fuse), fuse, null];
  expect(decoders.map((json) => parseDecoder(json).isByteLevel)).toEqual([true, true, false, false, false]);
});

test.each<[string, Json]>([
  ["decoder.type", { type: "Morse" }],
  ["decoder.decoders[1].type", sequence(fuse, { type: "Morse" })],
])("an unknown decoder is refused by name: %s", (operand, json) => {
  expect(() => parseDecoder(json)).toThrow(UnsupportedTokenizerError);
  expect(() => parseDecoder(json)).toThrow(operand);
});

test.each<[string, Json]>([
  ["decoder.content", { type: "Strip", content: "ab", start: 0, stop: 0 }],
  ["decoder.start", { type: "Strip", content: "a", start: -1, stop: 0 }],
  ["decoder.cleanup", { type: "WordPiece", prefix: "##" }],
  ["decoder.add_prefix_space", { type: "Metaspace", replacement: "_", add_prefix_space: false }],
  ["decoder.prepend_scheme", { type: "Metaspace", replacement: "_", prepend_scheme: null }],
  ["decoder.trim_offsets", { type: "ByteLevel", add_prefix_space: true }],
  ["decoder.use_regex", { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: 1 }],
  ["decoder.pattern", { type: "Replace", pattern: { String: "a", Regex: "b" }, content: "" }],
  ["decoder.prepend_scheme", { type: "Metaspace", replacement: "_", prepend_scheme: "last" }],
])("a malformed decoder is named: %s", (operand, json) => {
  expect(() => parseDecoder(json)).toThrow(FormatError);
  expect(() => parseDecoder(json)).toThrow(`parseTokenizer: ${operand}: `);
});
