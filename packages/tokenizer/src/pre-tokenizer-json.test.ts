import { expect, test } from "vitest";
import { parsePreTokenizer, preTokenizerPresets, type TrainedPreTokenizer } from "./pre-tokenizer-json.ts";

function pieces(preset: TrainedPreTokenizer, text: string): string[] {
  const found: string[] = [];
  parsePreTokenizer(preTokenizerPresets[preset]).splitter?.split(text, (from, to) => found.push(text.slice(from, to)));
  return found;
}

test("DeepSeek-V3: splits come one after the other, a piece's end is the end of a text", () => {
  expect(pieces("deepseek-v3", "a  b")).toEqual(["a", " ", " b"]);
  expect(pieces("deepseek-v3", "a  1")).toEqual(["a", "  ", "1"]);
  expect(pieces("deepseek-v3", "a  中")).toEqual(["a", "  ", "中"]);
});

test("DeepSeek-V3: digits by three, kana and Han together, gaps kept", () => {
  expect(pieces("deepseek-v3", "12345")).toEqual(["123", "45"]);
  expect(pieces("deepseek-v3", "x中文カナ々y")).toEqual(["x", "中文カナ", "々y"]);
  expect(pieces("deepseek-v3", "a\x00\x01b")).toEqual(["a", "\x00", "\x01b"]);
  expect(pieces("deepseek-v3", "\x00\x01")).toEqual(["\x00\x01"]);
  expect(pieces("deepseek-v3", "'quoted' _foo e\u0301")).toEqual(["'quoted", "'", " _", "foo", " e\u0301"]);
  expect(pieces("deepseek-v3", "")).toEqual([]);
});

test("GPT-2: contractions, and spaces that join the next word", () => {
  expect(pieces("gpt2", "don't  stop 42!\n")).toEqual(["don", "'t", " ", " stop", " 42", "!", "\n"]);
});

test("white space is Oniguruma's: U+0085 is, U+FEFF is not", () => {
  expect(pieces("gpt2", "\u0085\u0085")).toEqual(["\u0085\u0085"]);
  expect(pieces("gpt2", "a\u0085\u0085!")).toEqual(["a", "\u0085", "\u0085", "!"]);
  expect(pieces("gpt2", "!\ufeff\ufeff!")).toEqual(["!\ufeff\ufeff!"]);
});

test("pieces cover the text in order, whatever it holds", () => {
  const alphabet = ["a", " ", "\n", "7", "中", "!", "é", "🙂", "\u0300", "\0", "\u0085", "\u{2EBF0}", "'"];
  for (let i = 0; i < 2000; i++) {
    const text = Array.from(
      { length: i % 17 },
      (_, j) => alphabet[(Math.imul(i * 17 + j, 2654435761) >>> 9) % 13],
    ).join("");
    for (const preset of ["gpt2", "deepseek-v3"] as const) expect(pieces(preset, text).join("")).toBe(text);
  }
});

test("an empty match cuts and does not loop", () => {
  const split = { type: "Split", pattern: { Regex: "x*" }, behavior: "Isolated", invert: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
  const found: string[] = [];
  const text = "axxbc😀";
  parsePreTokenizer({ type: "Sequence", pretokenizers: [split, byteLevel] }).splitter?.split(text, (from, to) =>
    found.push(text.slice(from, to)),
  );
  expect(found).toEqual(["a", "xx", "b", "c", "😀"]); // as HF tokenizers splits it
});
