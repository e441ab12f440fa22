import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { isDropped } from "../stage.ts";
import { createFineweb, FINEWEB_SETTINGS, type FinewebSettings } from "./fineweb.ts";

const OFF: FinewebSettings = {
  minTerminalLines: null,
  terminals: FINEWEB_SETTINGS.en.terminals,
  maxShortLines: null,
  shortLineLength: FINEWEB_SETTINGS.en.shortLineLength,
  maxDuplicateLineCharacters: null,
  maxNewlines: null,
};

function reasonOf(text: string, settings: Partial<FinewebSettings>): string | undefined {
  const result = createFineweb({ default: { ...OFF, ...settings } }).process({ text, source: "t:1" });
  return isDropped(result) ? `${result.reason} ${result.detail ?? ""}` : undefined;
}

const lines = (count: number, line: string) => Array.from({ length: count }, () => line);

/** The English bound of each rule: a text that just passes, one that just fails, and what is said of it. */
test.each<[keyof FinewebSettings, string, string, string]>([
  [
    "minTerminalLines",
    [...lines(3, "a. "), "", ...lines(22, "b")].join("\n"),
    [...lines(3, 'a"'), ...lines(23, "b")].join("\n"),
    "fineweb.terminalLines 0.115385 < 0.12",
  ],
  [
    "maxShortLines",
    [...lines(67, "x".repeat(30)), ...lines(33, "y".repeat(31))].join("\n"),
    [...lines(68, "x".repeat(30)), ...lines(32, "y".repeat(31))].join("\n"),
    "fineweb.shortLines 0.68 > 0.67",
  ],
  [
    "maxDuplicateLineCharacters",
    `aa\naa\n${"b".repeat(196)}\n`,
    `aa\naa\n${"b".repeat(195)}\n`,
    "fineweb.duplicateLineCharacters 0.0100503 > 0.01",
  ],
  ["maxNewlines", "a b c d e f g\nh\ni\nj", "a b c d e f\nh\ni\nj", "fineweb.newlines 0.333333 > 0.3"],
])("%s of English: just within, and just outside", (key, inside, outside, message) => {
  const settings = { [key]: FINEWEB_SETTINGS.en[key] };
  expect(reasonOf(inside, settings)).toBeUndefined();
  expect(reasonOf(outside, settings)).toBe(message);
  expect(reasonOf(outside, {})).toBeUndefined();
});

test.each([..."。！？」”』.!?"])("a Chinese line may end with %s", (mark) => {
  const stage = createFineweb();
  const text = `今天天气很好我们一起去公园散步${mark}`;
  expect(stage.process({ text, source: "t:1", language: "zh" })).toMatchObject({ text });
});

test("English knows no Chinese marks, any language knows the most common ones", () => {
  const stage = createFineweb();
  expect(stage.process({ text: "今天天气很好。", source: "t:1", language: "en" })).toMatchObject({
    reason: "fineweb.terminalLines",
  });
  for (const text of ["यह एक वाक्य है।", "هل هذه جملة؟", "今天天气很好。"]) {
    expect(stage.process({ text, source: "t:1" })).toMatchObject({ text });
  }
});

test("a blank text is empty in every language", () => {
  const stage = createFineweb();
  for (const language of ["en", "zh", "code"]) {
    expect(stage.process({ text: " \n\n", source: "t:1", language })).toEqual({ reason: "fineweb.empty" });
  }
});

test("code passes as it is, lists and menus do not", () => {
  const stage = createFineweb();
  const text = "if (a) {\n  b()\n}\nif (c) {\n  d()\n}\n";
  expect(stage.process({ text, source: "t:1", language: "code" })).toMatchObject({ text });
  expect(stage.process({ text: "Home\nNews\nContact", source: "t:1", language: "en" })).toMatchObject({
    reason: "fineweb.terminalLines",
  });
  expect(stage.process({ text: "你好。\n谢谢。\n再见。\n明天。", source: "t:1", language: "zh" })).toMatchObject({
    reason: "fineweb.newlines",
  });
});

test("settings are checked", () => {
  expect(() => createFineweb({ en: { terminals: "" } })).toThrow(ConfigError);
  expect(() => createFineweb({ en: { shortLineLength: -1 } })).toThrow("createFineweb: en.shortLineLength");
});
