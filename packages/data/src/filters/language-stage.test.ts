import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { countLetters } from "./count-letters.ts";
import { createLanguageStage, type LanguageOptions } from "./language-stage.ts";

const ENGLISH =
  "The committee met on Tuesday to discuss how the old bridge over the river could be repaired before winter comes. ";
const GERMAN =
  "Der Ausschuss traf sich am Dienstag, um zu besprechen, wie die alte Brücke über den Fluss repariert werden kann. ";
const CHINESE = "委员会星期二开会，讨论怎样在冬天到来之前修好那座跨河的旧桥，大家都认为应该尽快动工。";
const JAPANESE = "委員会は火曜日に集まり、冬が来る前に川にかかる古い橋をどう修理するかについて話し合いました。";
const stage = await createLanguageStage();

test.each([
  ["en", ENGLISH],
  ["de", GERMAN],
  [
    "fr",
    "Le comité s'est réuni mardi pour discuter de la façon dont le vieux pont pourrait être réparé avant l'hiver.",
  ],
  ["ru", "Комитет собрался во вторник, чтобы обсудить, как отремонтировать старый мост через реку до зимы."],
  ["zh", CHINESE],
  ["zh", "憐君此去過居延，古塞黃雲共渺然。沙闊獨行尋馬跡，路迷遙指戍樓煙。"],
  ["ja", JAPANESE],
])("%s: %s", (language, text) => {
  expect(stage.identify(text)).toEqual({ language, likeliest: language, share: 1 });
  expect(stage.identify(text.repeat(30)).language).toBe(language);
  expect(stage.process({ text, source: "t:1" })).toEqual({ text, source: "t:1", language });
});

test.each([
  ["empty", ""],
  ["short", "Hello"],
  ["short in Chinese: fewer than seven characters", "你好，世界上"],
  ["numbers", "12 345 67.8 | 90 % 12 345 67.8 | 90 %"],
  ["two languages of one script", ENGLISH.repeat(10) + GERMAN.repeat(10)],
  ["two scripts, mixed", (ENGLISH.repeat(3) + CHINESE.repeat(2)).repeat(5)],
  ["two scripts, one after the other", ENGLISH.repeat(8) + CHINESE.repeat(8)],
  ["two scripts in every sentence", "我们可以使用 listening events 指令 directive ".repeat(30)],
  ["two scripts, more of the second", ENGLISH.repeat(6) + CHINESE.repeat(20)],
])("undetermined: %s", (_, text) => {
  expect(stage.identify(text).language).toBe("und");
});

test("a few words of another language do not change the language", () => {
  expect(stage.identify(`${ENGLISH.repeat(10)}我们 ${ENGLISH.repeat(10)}`).language).toBe("en");
  expect(stage.identify(`${CHINESE.repeat(10)}Dawn WebGPU${CHINESE.repeat(10)}`).language).toBe("zh");
});

test("the share asked for decides about mixed texts", async () => {
  const text = ENGLISH.repeat(30) + GERMAN.repeat(10);
  const { share, likeliest } = stage.identify(text);
  expect(likeliest).toBe("en");
  expect(share).toBeGreaterThan(0.65);
  expect(share).toBeLessThan(1);
  const at = async (minShare: number) => (await createLanguageStage({ minShare })).identify(text).language;
  expect([await at(share), await at(share + 0.001)]).toEqual(["en", "und"]);
});

test("length and score have bounds of their own", async () => {
  const text = "abcdefghij klmnopqrst uvwxyzabcd";
  const likeliest = async (options: LanguageOptions) => (await createLanguageStage(options)).identify(text).likeliest;
  expect(await likeliest({ minLetters: 31, minScore: 0 })).toBe("");
  expect(await createLanguageStage({ minScore: 0.99 }).then((strict) => strict.identify(ENGLISH).language)).toBe("und");
  const thirty = await createLanguageStage({ minLetters: 30 });
  expect(thirty.identify("天".repeat(10)).language).toBe("zh");
  expect(thirty.identify("天".repeat(9)).language).toBe("und");
});

test("by default 20 letters are enough, and at most 8 windows are asked", async () => {
  for (const same of [stage, await createLanguageStage({ minLetters: undefined, maxWindows: undefined } as never)]) {
    expect(same.identify("天".repeat(6)).likeliest).toBe(""); // a Han character counts for three
    expect(same.identify("天".repeat(7)).language).toBe("zh");
    const { share } = same.identify(ENGLISH.repeat(30) + GERMAN.repeat(10));
    expect([share * 8, share < 1]).toEqual([Math.round(share * 8), true]);
  }
  const nine = (await createLanguageStage({ maxWindows: 9 })).identify(ENGLISH.repeat(30) + GERMAN.repeat(10)).share;
  expect(nine * 8).not.toBe(Math.round(nine * 8));
});

test("a given language is kept, unless it is to be found again", async () => {
  const document = { text: CHINESE, source: "t:1", language: "code" };
  expect(stage.process(document)).toBe(document);
  expect((await createLanguageStage({ again: true })).process(document)).toMatchObject({ language: "zh" });
});

test("keep drops what is not asked for, and says what it was", async () => {
  const keeping = await createLanguageStage({ keep: ["en", "zh"] });
  expect(keeping.process({ text: ENGLISH, source: "t:1" })).toMatchObject({ language: "en" });
  expect(keeping.process({ text: GERMAN, source: "t:1" })).toEqual({
    reason: "language.other",
    detail: "de in 100 % of windows",
    language: "de",
  });
  expect(keeping.process({ text: "ok", source: "t:1" })).toEqual({
    reason: "language.undetermined",
    detail: "no language in 0 % of windows",
    language: "und",
  });
  expect(keeping.process({ text: "x", source: "t:1", language: "code" })).toMatchObject({ reason: "language.other" });
  const lenient = await createLanguageStage({ keep: ["und"] });
  expect(lenient.process({ text: "ok", source: "t:1" })).toMatchObject({ language: "und" });
});

test("a smaller table answers, too", async () => {
  expect((await createLanguageStage({ model: "extrasmall" })).identify(ENGLISH).language).toBe("en");
});

test.each<[LanguageOptions, typeof ConfigError | typeof OutOfRangeError, string]>([
  [{ minShare: 0 }, OutOfRangeError, "minShare"],
  [{ minShare: 65 }, OutOfRangeError, "a share in (0, 1]"],
  [{ minScore: 1 }, OutOfRangeError, "minScore"],
  [{ minLetters: 1.5 }, OutOfRangeError, "minLetters"],
  [{ maxWindows: 0 }, OutOfRangeError, "maxWindows"],
  [{ minShare: "0.5" as never }, OutOfRangeError, 'minShare: expected a share in (0, 1], got "0.5"'],
  [{ model: "huge" as never }, ConfigError, 'expected "extrasmall" or "small" or "medium" or "large"'],
  [{ again: "no" as never }, ConfigError, "again: expected true or false"],
  [{ minLetter: 3 } as never, ConfigError, 'Did you mean "minLetters"?'],
  [null as never, ConfigError, "options: expected an object"],
  [{ keep: ["english"] }, ConfigError, 'got "english"'],
  [{ keep: "en" as never }, ConfigError, 'keep: expected an array of codes, got "en". Write ["en"].'],
  [{ keep: [undefined] as never }, ConfigError, "got undefined"],
])("%j is refused", async (options, type, message) => {
  await expect(createLanguageStage(options)).rejects.toThrow(type);
  await expect(createLanguageStage(options)).rejects.toThrow(message);
});

test("letters are counted by script", () => {
  expect(countLetters("ab 1, é你好𠀀カﾅ々한")).toEqual({ letters: 10, han: 4, kana: 2 });
  expect(countLetters("")).toEqual({ letters: 0, han: 0, kana: 0 });
});

/** Files that a module of this package imports, and theirs. */
function imports(file: string, found: Set<string> = new Set()): Set<string> {
  found.add(file);
  for (const [, name] of readFileSync(file, "utf8").matchAll(/(?:from|import\() ?"([^"]+)"/g)) {
    if (!name!.startsWith(".")) found.add(name!);
    else if (!found.has(join(dirname(file), name!))) imports(join(dirname(file), name!), found);
  }
  return found;
}

test("the main entry does not bring the detector along", () => {
  const entry = (name: string) =>
    [...imports(join(import.meta.dirname, "..", name))].filter((name) => name.startsWith("eld"));
  expect(entry("index.ts")).toEqual([]);
  expect(entry("language.ts")).toContain("eld/medium");
});
