import { performance } from "node:perf_hooks";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { createNormalizer, type NormalizeOptions, normalizeText } from "./normalize-text.ts";
import { createRandom } from "./random.ts";

const NONE: NormalizeOptions = {
  surrogates: false,
  lineEnds: false,
  controls: false,
  zeroWidth: false,
  form: false,
  trailingSpace: false,
  blankLines: false,
};

test("each step does its own work, and nothing when it is left out", () => {
  const cases: [NormalizeOptions, string, string][] = [
    [{ surrogates: true }, "a\ud800b\udc00😀", "a\ufffdb\ufffd😀"],
    [{ lineEnds: true }, "a\r\nb\rc\n\r\n", "a\nb\nc\n\n"],
    [{ controls: true }, "a\0b\x1b\x7fc\x85\td\r\n", "abc\td\r\n"],
    [{ zeroWidth: true }, "\ufeffa\u200bb\u2060\ufeff 👩\u200d🚀 می\u200cخواهم", "ab 👩\u200d🚀 می\u200cخواهم"],
    [{ form: "NFC" }, "e\u0301 Ａ", "é Ａ"],
    [{ form: "NFKC" }, "e\u0301 Ａ①", "é A1"],
    [{ trailingSpace: true }, "  a \t\n \u3000\nb\u00a0\r\n c  d ", "  a\n\nb\r\n c  d"],
    [{ blankLines: 1 }, "\n\n\na\n\n\n\nb\n\nc\n \n\t\nd\n", "\na\n\nb\n\nc\n \nd\n"],
    [{ blankLines: 0 }, "a\n\n\nb\n\r\n\r\nc", "a\nb\nc"],
  ];
  for (const [options, text, expected] of cases) {
    expect(normalizeText(text, { ...NONE, ...options }), JSON.stringify(options)).toBe(expected);
    expect(normalizeText(text, NONE)).toBe(text);
  }
});

test("all steps together, by default", () => {
  const text = "\ufeffTitle \r\n\r\n\r\n\r\n\r\ne\u0301\0\u200b  \r\n  indented\ttext\u00a0";
  expect(normalizeText(text)).toBe("Title\n\n\né\n  indented\ttext");
});

test("a second time changes nothing, whatever the text and the steps", () => {
  const random = createRandom({ seed: 3 });
  const units = [
    "a",
    " ",
    "\t",
    "\n",
    "\n\n\n",
    "\r",
    "\r\n",
    "\0",
    "\u200b",
    "\ufeff",
    "\u3000",
    "e",
    "\u0301",
    "\ud800",
    "\udc00",
    "Ａ",
    "ﬁ",
    "가",
    "\u1100",
    "\u1161",
  ];
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random.below(20) }, () => units[random.below(units.length)]).join("");
    const on = (): boolean => random.below(4) > 0;
    const options: NormalizeOptions = {
      surrogates: on(),
      lineEnds: on(),
      controls: on(),
      zeroWidth: on(),
      form: ([false, "NFC", "NFKC", "NFD"] as const)[random.below(4)]!,
      trailingSpace: on(),
      blankLines: ([false, 0, 1, 2] as const)[random.below(4)]!,
    };
    const once = normalizeText(text, options);
    expect(normalizeText(once, options), JSON.stringify([text, options])).toBe(once);
  }
});

test("long runs of space, within lines and of blank lines, cost their length", () => {
  const seconds = (length: number): number => {
    const text = `${" ".repeat(length)}a${"\n ".repeat(length)}b${"\n".repeat(length)}`;
    const start = performance.now();
    normalizeText(text);
    normalizeText(text, { trailingSpace: false });
    return (performance.now() - start) / 1e3;
  };
  expect(seconds(400_000)).toBeLessThan(5); // at the square of the length it would be many minutes
});

test("the stage changes the text alone, keeps what needs no change, drops what is empty", () => {
  const stage = createNormalizer();
  const document = { text: "a \r\n", source: "s:1", corpus: "c", meta: { id: 1 } };
  expect(stage.process(document)).toEqual({ ...document, text: "a\n" });
  const clean = { text: "clean\n", source: "s:2" };
  expect(stage.process(clean)).toBe(clean);
  expect(stage.process({ text: "\u200b\r\n \0", source: "s:3" })).toEqual({ reason: "normalize.empty" });
  expect(createNormalizer({ trailingSpace: false }).process({ text: "a ", source: "" })).toMatchObject({ text: "a " });
});

test.each<[object | undefined, typeof ConfigError | typeof OutOfRangeError, string]>([
  [{ lineEnd: false }, ConfigError, 'Did you mean "lineEnds"?'],
  [{ normalize: "no" }, ConfigError, 'expected known keys, got "normalize"'],
  [{ controls: "no" }, ConfigError, "controls: expected true or false"],
  [{ form: "nfc" }, ConfigError, 'form: expected "NFC" or "NFD" or "NFKC" or "NFKD", got "nfc"'],
  [{ form: true }, ConfigError, "form"],
  [{ blankLines: -1 }, OutOfRangeError, "blankLines: expected an integer from 0 to 1000, or false, got -1"],
  [{ blankLines: 1.5 }, OutOfRangeError, "blankLines"],
  [{ blankLines: true }, OutOfRangeError, "blankLines"],
  [{ blankLines: 1e9 }, OutOfRangeError, "blankLines"],
])("%j is refused at once", (options, type, message) => {
  for (const call of [() => createNormalizer(options), () => normalizeText("a", options)]) {
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  }
});

test("options that are undefined are the defaults, and 1000 blank lines can be kept", () => {
  expect(normalizeText("a \n\n\n\n\nb", { blankLines: undefined, trailingSpace: undefined } as never)).toBe("a\n\n\nb");
  const text = `a${"\n".repeat(1500)}b`;
  expect(normalizeText(text, { blankLines: 1000 })).toBe(`a${"\n".repeat(1001)}b`);
});
