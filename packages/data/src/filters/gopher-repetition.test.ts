import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { isDropped } from "../stage.ts";
import {
  createGopherRepetition,
  GOPHER_REPETITION_SETTINGS,
  type GopherRepetitionSettings,
} from "./gopher-repetition.ts";

const OFF: GopherRepetitionSettings = {
  maxDuplicateLines: null,
  maxDuplicateParagraphs: null,
  maxDuplicateLineCharacters: null,
  maxDuplicateParagraphCharacters: null,
  topNgrams: {},
  duplicateNgrams: {},
};

function reasonOf(text: string, settings: Partial<GopherRepetitionSettings>): string | undefined {
  const result = createGopherRepetition({ default: { ...OFF, ...settings } }).process({ text, source: "t:1" });
  return isDropped(result) ? `${result.reason} ${result.detail}` : undefined;
}

/** Different words of one length. */
let next = 1000;
const fresh = (count: number) => Array.from({ length: count }, () => `w${next++}`);

test("English's bounds are those of Gopher's table A1", () => {
  expect(GOPHER_REPETITION_SETTINGS.en).toEqual({
    maxDuplicateLines: 0.3,
    maxDuplicateParagraphs: 0.3,
    maxDuplicateLineCharacters: 0.2,
    maxDuplicateParagraphCharacters: 0.2,
    topNgrams: { 2: 0.2, 3: 0.18, 4: 0.16 },
    duplicateNgrams: { 5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1 },
  });
});

test("duplicate lines: 3 of 10 pass, 3 of 9 do not; blank lines and indentation do not matter", () => {
  const lines = ["a", "a", " a", "a\r", ...fresh(6)];
  const bound = { maxDuplicateLines: 0.3 };
  expect(reasonOf(lines.join("\n\n \n"), bound)).toBeUndefined();
  expect(reasonOf(lines.slice(0, 9).join("\n"), bound)).toBe("repetition.duplicateLines 0.333333 > 0.3");
});

test("duplicate paragraphs: 3 of 10 pass, 3 of 9 do not; a single line end does not part them", () => {
  const paragraphs = ["a\nb", "a\nb", "a\nb", "a\nb", ...fresh(6)];
  const bound = { maxDuplicateParagraphs: 0.3 };
  expect(reasonOf(paragraphs.join("\n\n"), bound)).toBeUndefined();
  expect(reasonOf(`\n\n${paragraphs.slice(0, 9).join("\n \n\n")}\n`, bound)).toBe(
    "repetition.duplicateParagraphs 0.333333 > 0.3",
  );
  expect(reasonOf(paragraphs.join("\n"), bound)).toBeUndefined();
});

test("characters in duplicate lines: 20 of 100 pass, 20 of 99 do not", () => {
  const text = (rest: number) => `${"a".repeat(20)}\n${"a".repeat(20)}\n${"b".repeat(rest)}`;
  const bound = { maxDuplicateLineCharacters: 0.2 };
  expect(reasonOf(text(58), bound)).toBeUndefined();
  expect(reasonOf(text(57), bound)).toBe("repetition.duplicateLineCharacters 0.20202 > 0.2");
});

test("characters in duplicate paragraphs: 20 of 100 pass, 20 of 99 do not", () => {
  const text = (rest: number) => `${"a".repeat(20)}\n\n${"a".repeat(20)}\n\n${"b".repeat(rest)}`;
  const bound = { maxDuplicateParagraphCharacters: 0.2 };
  expect(reasonOf(text(56), bound)).toBeUndefined();
  expect(reasonOf(text(55), bound)).toBe("repetition.duplicateParagraphCharacters 0.20202 > 0.2");
});

test("top 2-gram: two of 'aaaa bbbb' are 18 of 90 characters", () => {
  const text = (rest: number) => `aaaa bbbb ${"c".repeat(rest)} aaaa bbbb`;
  expect(reasonOf(text(70), { topNgrams: { 2: 0.2 } })).toBeUndefined();
  expect(reasonOf(text(69), { topNgrams: { 2: 0.2 } })).toBe("repetition.top2Gram 0.202247 > 0.2");
});

test("an n-gram that occurs once is no repetition, and one without spaces counts none", () => {
  expect(reasonOf("two words", { topNgrams: { 2: 0.01 } })).toBeUndefined();
  // 你好 twice of 8 units; the line end does not count
  expect(reasonOf("你好我他\n你好她", { topNgrams: { 2: 0.5 } })).toBeUndefined();
  expect(reasonOf("你好我他\n你好她", { topNgrams: { 2: 0.49 } })).toBe("repetition.top2Gram 0.5 > 0.49");
});

test("duplicate 5-grams: 10 words of 4 units after the first five", () => {
  const five = "aaaa bbbb cccc dddd eeee";
  const text = (rest: number) => `${five} ${five} ${five} ${"f".repeat(rest)}`;
  // 2 x 20 units in repeats; the text is 3 x 25 + rest
  const bound = { duplicateNgrams: { 5: 0.4 } };
  expect(reasonOf(text(25), bound)).toBeUndefined();
  expect(reasonOf(text(24), bound)).toBe("repetition.duplicate5Grams 0.40404 > 0.4");
});

/** All of English's n-gram rules from the definition, with strings. Words are letters, parted by single spaces. */
function naive(text: string): string | undefined {
  const words = text.split(" ");
  for (let n = 2; n <= 10; n++) {
    const grams = words.slice(n - 1).map((_, i) => words.slice(i, i + n));
    const counts = new Map<string, number>();
    for (const gram of grams) counts.set(gram.join(" "), (counts.get(gram.join(" ")) ?? 0) + 1);
    const [top, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ["", 1]);
    const most = { 2: 0.2, 3: 0.18, 4: 0.16 }[n];
    if (most !== undefined && (top.length * count) / text.length > most) return `repetition.top${n}Gram`;
    const seen = new Set<string>();
    let units = 0;
    for (let i = 0; i < grams.length; i++) {
      const gram = grams[i]!.join(" ");
      if (!seen.has(gram)) {
        seen.add(gram);
        continue;
      }
      units += grams[i]!.join("").length;
      i += n - 1;
    }
    const allowed = { 5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1 }[n];
    if (allowed !== undefined && units / text.length > allowed) return `repetition.duplicate${n}Grams`;
  }
  return undefined;
}

test("English's n-gram rules equal the definition on random texts, and all of them are met", () => {
  const random = createRandom({ seed: 21 });
  const { topNgrams, duplicateNgrams } = GOPHER_REPETITION_SETTINGS.en;
  const seen = new Map<string, number>();
  for (let round = 0; round < 1500; round++) {
    const words: string[] = [];
    const phrase = fresh(2 + random.below(14));
    const length = 60 + random.below(100);
    const rarity = 3 + random.below(20);
    while (words.length < length) words.push(...(random.below(rarity) === 0 ? phrase : fresh(1 + random.below(6))));
    const text = words.join(" ");
    const expected = naive(text);
    expect(reasonOf(text, { topNgrams, duplicateNgrams })?.split(" ")[0]).toBe(expected);
    seen.set(expected ?? "kept", (seen.get(expected ?? "kept") ?? 0) + 1);
  }
  expect(seen.get("kept")).toBeGreaterThan(20);
  for (const kind of ["top2Gram", "top3Gram", "top4Gram", "duplicate5Grams", "duplicate10Grams"]) {
    expect(seen.get(`repetition.${kind}`), kind).toBeGreaterThan(0);
  }
});

test("a text that repeats nothing, an empty one and a single word pass in every language", () => {
  const stage = createGopherRepetition();
  for (const text of ["", "word", fresh(200).join(" "), "天地玄黄宇宙洪荒日月盈昃辰宿列张"]) {
    for (const language of ["en", "zh", "code", "xx"]) {
      const document = { text, source: "t:1", language };
      expect(stage.process(document)).toBe(document);
    }
  }
});

test("each language has bounds of its own", () => {
  const stage = createGopherRepetition();
  const brackets = fresh(20)
    .map((word) => `if (${word}) {\n}`)
    .join("\n");
  expect(stage.process({ text: brackets, source: "t:1", language: "code" })).toMatchObject({ text: brackets });
  expect(stage.process({ text: brackets, source: "t:1", language: "en" })).toMatchObject({
    reason: "repetition.duplicateLines",
  });
  const chant = "南无阿弥陀佛，".repeat(20);
  expect(stage.process({ text: chant, source: "t:1", language: "zh" })).toMatchObject({
    reason: "repetition.top3Gram",
  });
});

test("settings are checked", () => {
  expect(() => createGopherRepetition({ en: { topNgrams: { 0: 0.2 } } })).toThrow(ConfigError);
  expect(() => createGopherRepetition({ en: { topNgrams: { 2: 20 } } })).toThrow(
    "createGopherRepetition: en.topNgrams",
  );
});
