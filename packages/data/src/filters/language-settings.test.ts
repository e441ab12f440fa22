import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import {
  AMOUNT,
  CHARACTERS,
  COUNT,
  NGRAM_SHARES,
  type Rule,
  SHARE,
  SWITCH,
  settingsOf,
  WORDS,
} from "./language-settings.ts";

interface Settings {
  readonly least: number | null;
  readonly most: number | null;
}
const RULES = { least: COUNT, most: SHARE };
const BUILT_IN = { default: { least: 1, most: 1 }, en: { least: 2, most: 0.5 } };
const settingsFor = (given?: Record<string, Partial<Settings>>) => {
  const find = settingsOf<Settings>("createX", RULES, BUILT_IN, given);
  return (language?: string) => find({ text: "", source: "", ...(language === undefined ? {} : { language }) });
};

test("a language has its own settings, any other those of default, and given ones go over them", () => {
  const find = settingsFor({ default: { least: 7 }, en: { most: 0.25 }, fr: { most: null } });
  expect(find("en")).toEqual({ least: 2, most: 0.25 });
  expect(find("de")).toEqual({ least: 7, most: 1 });
  expect(find("fr")).toEqual({ least: 7, most: null });
  expect(find()).toEqual({ least: 7, most: 1 });
  expect(settingsFor()("en")).toEqual(BUILT_IN.en);
});

test("a regional tag goes by its first part, unless it has settings of its own", () => {
  const find = settingsFor({ "en-GB": { least: 9 } });
  expect([find("en-US"), find("EN_us"), find("en-GB")]).toEqual([BUILT_IN.en, BUILT_IN.en, { least: 9, most: 0.5 }]);
  expect(find("constructor")).toEqual(BUILT_IN.default);
});

test.each<[string, object | null | number, string]>([
  ["not an object", 3, "createX: settings: expected an object of languages"],
  ["an array", [], "createX: settings"],
  ["settings without a language", { least: 3 }, "Settings go by language: {default: {least: ...}}."],
  ["a language without settings", { en: null }, "createX: en: expected settings of a language"],
  ["an unknown setting", { en: { leest: 3 } }, 'Did you mean "least"?'],
  ["a wrong value", { en: { least: 1.5 } }, "createX: en.least: expected an integer >= 0, or null for off, got 1.5."],
  ["undefined", { en: { most: undefined } }, "en.most"],
])("%s is refused", (_, given, message) => {
  expect(() => settingsFor(given as never)).toThrow(ConfigError);
  expect(() => settingsFor(given as never)).toThrow(message);
});

test.each<[string, Rule, readonly unknown[], readonly unknown[]]>([
  ["COUNT", COUNT, [0, 5, null], [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "5", undefined]],
  ["AMOUNT", AMOUNT, [0, 0.1, 20, null], [-0.1, Number.NaN, "1", undefined]],
  ["SHARE", SHARE, [0, 0.5, 1, null], [-0.1, 1.1, Number.NaN, "1", undefined]],
  ["SWITCH", SWITCH, [true, false], [null, 0, "true", undefined]],
  ["CHARACTERS", CHARACTERS, [".", null], ["", 3, undefined]],
  ["WORDS", WORDS, [[], ["a"]], [[""], "a", [1], null]],
  [
    "NGRAM_SHARES",
    NGRAM_SHARES,
    [{}, { 2: 0.2, 100: 1 }],
    [{ 0: 0.2 }, { 101: 0.1 }, { x: 0.1 }, { 2: 2 }, { 2: null }, [], null],
  ],
])("%s accepts what it says", (_, rule, good, bad) => {
  expect(good.filter((value) => !rule.accepts(value))).toEqual([]);
  expect(bad.filter((value) => rule.accepts(value))).toEqual([]);
});
