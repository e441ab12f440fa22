import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTokenizer } from "../parse-tokenizer.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { trainBpe } from "../train-bpe.ts";

const trained = trainBpe(["low lower lowest low"], { vocabSize: 264, specialTokens: ["<s>", "</s>"] });
const fresh = (): Tokenizer => parseTokenizer(trained.toJson());

test("offsets slice the text", () => {
  const text = "low low 低い🙂";
  const encoding = trained.encodeWithOffsets(text);
  const places = Array.from(encoding.ids, (_, i) => text.slice(encoding.offsets[2 * i], encoding.offsets[2 * i + 1]));
  expect(places.slice(0, 3)).toEqual(["low", " low", " "]);
  expect(places.slice(-4)).toEqual(["🙂", "🙂", "🙂", "🙂"]);
  expect(encoding.tokens().slice(0, 3)).toEqual(["low", "Ġlow", "Ġ"]);
  expect([encoding.tokenAt(4), encoding.tokenAt(0), encoding.tokenAt(text.length)]).toEqual([1, 0, undefined]);
});

test("a lone surrogate is one place", () => {
  const { ids, offsets } = trained.encodeWithOffsets("a\udc00b");
  expect([...offsets]).toEqual([0, 1, 1, 2, 1, 2, 1, 2, 2, 3]);
  expect(ids).toEqual(trained.encode("a\ufffdb"));
});

test("truncation and padding that are set apply to every way of encoding, and can be ended", () => {
  const tokenizer = fresh();
  tokenizer.setTruncation({ maxLength: 2 });
  expect(tokenizer.encode("low low low")).toEqual(trained.encode("low low"));
  tokenizer.setTruncation({ maxLength: 1, direction: "Left" });
  expect(tokenizer.encodeWithOffsets("low low e").tokens()).toEqual(["e"]);
  tokenizer.setTruncation(undefined);
  tokenizer.setPadding({ padId: 1, padToken: "</s>", length: 4 });
  expect([...tokenizer.encode("low low")]).toEqual([...trained.encode("low low"), 1, 1]);
  expect([...tokenizer.encodeWithOffsets("low low").attentionMask]).toEqual([1, 1, 0, 0]);
  tokenizer.setPadding({ padId: 1, padToken: "</s>" });
  expect(tokenizer.encodeBatch(["low", "low low low"]).map(({ ids }) => ids.length)).toEqual([3, 3]);
  const written = JSON.parse(tokenizer.toJson()) as { padding: object };
  expect(written.padding).toMatchObject({ strategy: "BatchLongest", direction: "Right", pad_id: 1 });
  tokenizer.setPadding(undefined);
  expect(tokenizer.toJson()).toBe(trained.toJson());
});

test("what truncation cuts off follows in parts with a stride", () => {
  const tokenizer = fresh();
  tokenizer.setTruncation({ maxLength: 3, stride: 2 });
  const one = tokenizer.encodeWithOffsets("abcde");
  expect([one, ...one.overflowing].map((part) => part.tokens().join(""))).toEqual(["abc", "bcd", "cde"]);
  expect(one.overflowing.map(({ offsets }) => offsets[0])).toEqual([1, 2]);
  tokenizer.setTruncation({ maxLength: 4, stride: 1, direction: "Left" });
  const two = tokenizer.encodeWithOffsets("abcd", { pair: "xyz" });
  expect(two.tokens().join("")).toBe("cdyz");
  expect([[...two.typeIds], [...two.sequenceIds]]).toEqual(Array(2).fill([0, 0, 1, 1]));
  expect(two.overflowing.map((part) => part.tokens().join(""))).toEqual(["bcyz", "bcxy", "abyz", "abxy", "cdxy"]);
});

test("lengths that cannot be reached are refused", () => {
  const tokenizer = fresh();
  expect(() => tokenizer.setTruncation({ maxLength: 3, stride: 4 })).toThrow(OutOfRangeError);
  tokenizer.setTruncation({ maxLength: 2, strategy: "OnlySecond" });
  expect(() => tokenizer.encodeWithOffsets("low low low")).toThrow(StateError);
  expect(() => tokenizer.encodeWithOffsets("low low low", { pair: "e" })).toThrow(/truncate: maxLength: expected/);
  tokenizer.setTruncation({ maxLength: 2, stride: 2 });
  expect(() => tokenizer.encode("abcd")).toThrow(/stride: expected less than the 2 tokens/);
});

test("added tokens take the next ids, keep the ones they have, and are written", () => {
  const tokenizer = fresh();
  const size = tokenizer.vocabSize;
  expect(tokenizer.addTokens(["<tool>", { content: "low", special: true }, "<tool>", "<s>"])).toBe(3);
  expect([tokenizer.idOf("<tool>"), tokenizer.vocabSize]).toEqual([size, size + 1]);
  expect([...tokenizer.encode("low<tool>e")]).toEqual([tokenizer.idOf("low"), size, tokenizer.idOf("e")]);
  expect(tokenizer.decode(tokenizer.encode("low<tool>"), { skipSpecialTokens: true })).toBe("<tool>");
  expect(tokenizer.addTokens([{ content: "<tool>", special: true, normalized: true }])).toBe(1);
  expect(tokenizer.specialTokens).toEqual(["</s>", "low", "<tool>"]);
  const again = parseTokenizer(tokenizer.toJson());
  expect(again.encode("low<tool>e")).toEqual(tokenizer.encode("low<tool>e"));
  expect(again.toJson()).toBe(tokenizer.toJson());
  expect(() => tokenizer.addTokens([""])).toThrow(ConfigError);
});

test("decoding bytes after tokens were added", () => {
  const tokenizer = fresh();
  expect(tokenizer.decode(tokenizer.encode("low"))).toBe("low");
  tokenizer.addTokens(["😀"]);
  expect(tokenizer.decode(tokenizer.encode("a😀"))).toBe("a😀");
  expect(tokenizer.bytesOf(tokenizer.idOf("😀")!).length).toBe(4);
});
