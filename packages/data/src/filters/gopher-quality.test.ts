import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { isDropped } from "../stage.ts";
import { createGopherQuality, GOPHER_QUALITY_SETTINGS, type GopherQualitySettings } from "./gopher-quality.ts";

/** Every rule off, but those given. */
const OFF: GopherQualitySettings = {
  minWords: null,
  maxWords: null,
  minMeanWordLength: null,
  maxMeanWordLength: null,
  maxHashes: null,
  maxEllipses: null,
  maxBulletLines: null,
  maxEllipsisLines: null,
  minAlphabeticWords: null,
  minStopWords: null,
  stopWords: [],
};

function reasonOf(text: string, settings: Partial<GopherQualitySettings>): string | undefined {
  const result = createGopherQuality({ default: { ...OFF, ...settings } }).process({ text, source: "t:1" });
  return isDropped(result) ? `${result.reason} ${result.detail}` : undefined;
}

const words = (count: number, word = "word") => Array.from({ length: count }, () => word).join(" ");

/** The English bound of each rule: a text that just passes, one that just fails, and what is said of it. */
test.each<[keyof GopherQualitySettings, string, string, string]>([
  ["minWords", words(50), words(49), "gopher.wordCount 49 words < 50"],
  ["minWords", `${words(50)} --- !`, `${words(49)} --- !`, "gopher.wordCount 49 words < 50"],
  ["maxWords", words(100_000), words(100_001), "gopher.wordCount 100001 words > 100000"],
  ["minMeanWordLength", "abcd ab", "abc ab .", "gopher.wordLength 2.5 < 3"],
  ["maxMeanWordLength", words(3, "abcdefghij"), "abcdefghij abcdefghijk", "gopher.wordLength 10.5 > 10"],
  ["maxHashes", `${words(9)} #x`, `${words(8)} #x`, "gopher.hashes 0.111111 > 0.1"],
  ["maxHashes", `${words(9)} #`, `${words(8)} #`, "gopher.hashes 0.111111 > 0.1"],
  ["maxEllipses", `${words(10)}...`, `${words(9)}...`, "gopher.ellipses 0.111111 > 0.1"],
  ["maxEllipses", `${words(10)}…`, `${words(9)}…`, "gopher.ellipses 0.111111 > 0.1"],
  ["maxEllipses", `${words(20)}....... a`, `${words(10)}...... a`, "gopher.ellipses 0.181818 > 0.1"],
  ["maxBulletLines", `${words(9, "- x\n")}\nx`, `${words(10, " • x\n")}\nx`, "gopher.bulletLines 0.909091 > 0.9"],
  [
    "maxEllipsisLines",
    "a…\na...\na ... \nb\nb\nb\n\nb\nb\nb\nb",
    "a…\na...\n\nb\nb\nb",
    "gopher.ellipsisLines 0.4 > 0.3",
  ],
  ["minAlphabeticWords", "a b c d 5", "a b c 5", "gopher.alphabeticWords 0.75 < 0.8"],
  ["minAlphabeticWords", "a, (b). c! d? &", "a, (b). c! &", "gopher.alphabeticWords 0.75 < 0.8"],
])("%s of English: just within, and just outside", (key, inside, outside, message) => {
  const settings = { [key]: GOPHER_QUALITY_SETTINGS.en[key] };
  expect(reasonOf(inside, settings)).toBeUndefined();
  expect(reasonOf(outside, settings)).toBe(message);
  expect(reasonOf(outside, {})).toBeUndefined();
});

test("stop words: two different ones, in any case", () => {
  const { minStopWords, stopWords } = GOPHER_QUALITY_SETTINGS.en;
  const reason = (text: string) => reasonOf(text, { minStopWords, stopWords });
  expect(reason("cats of The house")).toBeUndefined();
  expect(reason("the cat and")).toBeUndefined();
  expect(reason("the the the other")).toBe("gopher.stopWords 1 < 2");
  expect(reason("then of")).toBe("gopher.stopWords 1 < 2");
  expect(reason("cats")).toBe("gopher.stopWords 0 < 2");
});

test("an empty text fails what asks for something, and nothing else", () => {
  const { minWords: _, ...rest } = GOPHER_QUALITY_SETTINGS.en;
  expect(reasonOf("", GOPHER_QUALITY_SETTINGS.en)).toBe("gopher.wordCount 0 words < 50");
  expect(reasonOf("", rest)).toBe("gopher.wordLength 0 < 3");
  expect(reasonOf("", {})).toBeUndefined();
});

const stage = createGopherQuality();
const process = (text: string, language: string) => stage.process({ text, source: "t:1", language });

test("Chinese is counted in characters, and needs neither long words nor stop words", () => {
  const text = "今天天气很好，我们一起去公园散步，看见了许多花。".repeat(4);
  const document = { text, source: "t:1", language: "zh" };
  expect(stage.process(document)).toBe(document);
  expect(process("好".repeat(80), "zh")).toMatchObject({ language: "zh" });
  expect(process("好".repeat(79), "zh-Hant")).toMatchObject({ reason: "gopher.wordCount", detail: "79 words < 80" });
  expect(process(text, "en")).toMatchObject({ reason: "gopher.wordLength" });
});

test("code may be short, full of signs and comments; tables of numbers are dropped", () => {
  const code = "# add\n# two\ndef add(first, second):\n    return first + second  # ...\n\nprint(add(1, 2))\n";
  expect(process(code, "code")).toMatchObject({ text: code });
  expect(process(code, "en")).toMatchObject({ reason: "gopher.wordCount" });
  expect(process(`data = [${words(40, "0x1f, 12 ,")}]`, "code")).toMatchObject({ text: expect.anything() });
  expect(process(`data = [${words(40, "31, 12 ,")}]`, "code")).toMatchObject({ reason: "gopher.alphabeticWords" });
});

test("any other language: no stop words, words of up to fifteen letters", () => {
  const german = words(50, "Donaudampfschiff").replace("Donaudampfschiff", "die");
  expect(process(words(50, "Donaudampfschif"), "de")).toMatchObject({ language: "de" });
  expect(process(words(50, "Donaudampfschiff"), "de")).toMatchObject({ detail: "16 > 15" });
  expect(process(german, "en")).toMatchObject({ reason: "gopher.wordLength" });
  expect(process("ฉันรักแมว".repeat(10), "th")).toMatchObject({ language: "th" });
});

test("settings are checked", () => {
  expect(() => createGopherQuality({ en: { minWord: 3 } as never })).toThrow(ConfigError);
  expect(() => createGopherQuality({ en: { minAlphabeticWords: 80 } })).toThrow("a share in [0, 1]");
  expect(() => createGopherQuality({ minWords: 3 } as never)).toThrow("Settings go by language");
});
