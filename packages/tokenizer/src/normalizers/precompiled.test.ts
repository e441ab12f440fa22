import { Tokenizer } from "tokenizers";
import { describe, expect, it } from "vitest";
import { parseNormalizer } from "../normalizer-json.ts";

/** Base64 of a map whose keys are all single bytes but zero: a grapheme or character becomes one X, whichever is looked up. */
function everyByte(): string {
  const units = new Uint32Array(1024);
  units[0] = 256 << 10;
  for (let byte = 1; byte < 256; byte++) units[256 + byte] = byte | 0x100 | (((256 + byte) ^ 512) << 10);
  units[512] = 0x80000000;
  return Buffer.concat([
    Buffer.from(Uint32Array.of(4 * 1024).buffer),
    Buffer.from(units.buffer),
    Buffer.from("X\0"),
  ]).toString("base64");
}

const json = { type: "Precompiled", precompiled_charsmap: everyByte() };
const normalizer = parseNormalizer(json)!;
const model = { type: "BPE", unk_token: "?", vocab: { "?": 0 }, merges: [] };
const hf = Tokenizer.fromString(JSON.stringify({ version: "1.0", added_tokens: [], normalizer: json, model }));
const ofHf = (text: string): string => hf.getNormalizer()!.normalizeString(text);
const ours = (text: string): string => normalizer.normalize({ text, atStart: true }).text;

/** What makes and breaks graphemes: each rule of UAX 29 has its characters here. */
const MEETING = [
  ..."a é ¼ 中 \r \n \t \u0301 \u0345 \u0903 \u093e \u200d \u200c \ufe0f \u0600 \u0890 \u0d4e ᄀ ᅡ ᆨ 가 각 ꥠ ힰ ퟋ".split(
    " ",
  ),
  ..."क ख \u094d \u093c क़ ক \u09cd ก \u0e33 \u0e31 🇩 🇪 👨 👩 🏽 ❤ © \u{e0061} \u{110bd} \u{1f9d1} ° ẛ \u0323".split(
    " ",
  ),
  " ",
];

describe("Precompiled", () => {
  it("keeps a line break of two characters together behind any other character", () => {
    for (const text of ["\r\n", "é\r\na", "中\r\n", "\u0301\r\n\u0301", "a\r\n\r\n"])
      expect(ours(text)).toBe(ofHf(text));
    expect(ours("é\r\na")).toHaveLength(3); // one for each grapheme
  });

  it.each(["这是一个测试，", "é", "a\u0301", "\u0301", "👨\u200d", "🇩"])(
    "reads a megabyte without a space: %j",
    (unit) => {
      const text = unit.repeat(1e6 / Buffer.byteLength(unit));
      const start = process.cpuUsage();
      ours(text);
      expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2);
    },
  );

  it("cuts graphemes as HF does", () => {
    let state = 7;
    const below = (bound: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    for (let i = 0; i < 6000; i++) {
      const text = Array.from({ length: 1 + below(9) }, () => MEETING[below(MEETING.length)]!).join("");
      expect({ text, normalized: ours(text) }).toEqual({ text, normalized: ofHf(text) });
    }
  });

  it.each(["a", "\u0301", "\u0600", "क\u094d", "©\u200d", "🇩", "ᄀ", "가", "각", "ᅡ"])(
    "knows the class of every character as HF does: after %j",
    (before) => {
      for (let from = 1; from < 0xe1000; from += 512) {
        if ((from > 0x20000 && from < 0xe0000) || (from & 0xf800) === 0xd800) continue;
        const text = Array.from({ length: 512 }, (_, i) => `\n${before}${character(from + i)}\u0301`).join("");
        if (ours(text) !== ofHf(text)) expect(differing(from, before)).toEqual([]);
      }
    },
  );
});

const character = (code: number): string => ((code & 0xf800) === 0xd800 ? "" : String.fromCodePoint(code));

/** The characters of a block that are at fault, in hexadecimal. */
function differing(from: number, before: string): string[] {
  return Array.from({ length: 512 }, (_, i) => from + i)
    .filter((code) => {
      const text = `\n${before}${character(code)}\u0301`;
      return ours(text) !== ofHf(text);
    })
    .map((code) => code.toString(16));
}
