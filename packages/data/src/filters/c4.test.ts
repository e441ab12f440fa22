import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { isDropped } from "../stage.ts";
import { C4_SETTINGS, type C4LineReason, type C4Settings, createC4 } from "./c4.ts";
import { countSentences } from "./count-sentences.ts";

const OFF: C4Settings = { ...C4_SETTINGS.code, loremIpsum: false };

function clean(text: string, settings: Partial<C4Settings>) {
  const dropped: [C4LineReason, string][] = [];
  const stage = createC4(
    { default: { ...OFF, ...settings } },
    { onLine: (reason, line) => dropped.push([reason, line]) },
  );
  const result = stage.process({ text, source: "t:1" });
  return { result: isDropped(result) ? `${result.reason} ${result.detail ?? ""}`.trim() : result.text, dropped };
}

test.each<[keyof C4Settings, string, string, C4LineReason]>([
  ["maxWordLength", `a ${"b".repeat(1000)} c`, `a ${"b".repeat(1001)} c`, "wordLength"],
  ["terminals", "It is ’so’. ", "It is so,", "terminal"],
  ["terminals", "Is it so?", "It is so...", "terminal"],
  ["terminals", 'It is "so"', "It is so.…", "terminal"],
  ["minWordsPerLine", "It is so.", "It is -- .", "wordsPerLine"],
  ["javascript", "Enable Java scripts.", "Enable JavaScript now.", "javascript"],
  ["policyPhrases", "Our privacy is a policy.", "See our Privacy Policy.", "policy"],
  ["policyPhrases", "We used cookies.", "This site uses cookies.", "policy"],
])("%s of English keeps one line and drops the other", (key, kept, gone, reason) => {
  const settings = { [key]: C4_SETTINGS.en[key] };
  expect(clean(`${kept}\n${gone}\n${kept}`, settings)).toEqual({
    result: `${kept}\n${kept}`,
    dropped: [[reason, gone]],
  });
  expect(clean(`${kept}\n${gone}`, {}).result).toBe(`${kept}\n${gone}`);
});

test("citations are taken out, brackets with words are not", () => {
  expect(clean("Cats[1] sleep[edit] a [lot][][citation needed].", { citations: true }).result).toBe(
    "Cats sleep a [lot].",
  );
});

test("lines are trimmed, blank ones go with the rule on words", () => {
  expect(clean("  a b c.  \n\n d\t", { trimLines: true }).result).toBe("a b c.\n\nd");
  expect(clean("  a b c.  \n\n d\t", { trimLines: true, minWordsPerLine: 1 }).result).toBe("a b c.\nd");
});

test("lorem ipsum and a curly bracket drop the document, if the line they are in would stay", () => {
  expect(clean("Well said.\nLorem Ipsum dolor.", { loremIpsum: true }).result).toBe("c4.loremIpsum");
  expect(clean("Well said.\nLorem ipsum dolor", { loremIpsum: true, terminals: "." }).result).toBe("Well said.");
  expect(clean("Well said.\nif (a) { b }.", { curlyBracket: true }).result).toBe("c4.curlyBracket");
  expect(clean("Well said.\nif (a) { b }", { curlyBracket: true, terminals: "." }).result).toBe("Well said.");
  expect(clean("JavaScript is {}.", { curlyBracket: true, javascript: true }).result).toBe("");
});

test("five sentences pass, four do not; lines that were dropped do not count", () => {
  const five = "One is here. Two is here! Is three here?\nFour is here. Five is here.";
  const result = (text: string) => clean(text, { ...C4_SETTINGS.en }).result;
  expect(result(five)).toBe(five);
  expect(result(five.replace(" Two is here!", ""))).toBe("c4.sentences 4 < 5");
  expect(result(five.replace("Five is here.", "five is here,"))).toBe("c4.sentences 3 < 5");
});

test.each([
  ["", 0],
  ["No end", 1],
  ["One. Two", 2],
  ['He said "Stop!" Then he left...', 2],
  ["Version 3.14 is out.", 1],
  ["你好。今天好吗？好！", 3],
  ["他说：“走吧。”然后走了", 2],
  ["Wait... what?!", 2],
])("countSentences(%j) is %i", (text, expected) => {
  expect(countSentences(text)).toBe(expected);
});

test("Chinese: characters for words, its own marks, its own phrases", () => {
  const stage = createC4();
  const text = "今天天气很好。我们去公园。\n看见了许多花！\n你去过那里吗？\n他说：“我们走吧。”";
  const process = (extra: string) => stage.process({ text: `${text}\n${extra}`, source: "t:1", language: "zh" });
  for (const line of [
    "四个字吧。".slice(1),
    "没有句号的一行字",
    "请阅读我们的隐私政策。",
    "本站使用 Cookie 提供服务。",
    "话还没有说完…",
  ]) {
    expect(process(line), line).toMatchObject({ text });
  }
  expect(process("五个字够了。")).toMatchObject({ text: `${text}\n五个字够了。` });
  expect(stage.process({ text: "一二三四五。\n六七八九十。", source: "t:1", language: "zh" })).toMatchObject({
    detail: "2 < 5",
  });
});

test("a long run without spaces ends at a character that is a word of its own", () => {
  expect(clean("好".repeat(2000), { maxWordLength: 1000 }).dropped).toEqual([]);
  expect(clean(`好${"x".repeat(1001)}`, { maxWordLength: 1000 }).dropped).toHaveLength(1);
});

test("code is passed on as the very document it was", () => {
  const document = { text: "\tif (a[0]) {\n\n\t\tb()  // javascript\n\t}\n", source: "t:1", language: "code" };
  expect(createC4().process(document)).toBe(document);
});

test("a document that keeps its text is passed on as it was, a cleaned one keeps its other fields", () => {
  const text = "One is here. Two is here! Is three here?\nFour is here. Five is here.";
  const document = { text, source: "t:1", language: "en", weight: 2, meta: { id: 3 } };
  expect(createC4().process(document)).toBe(document);
  expect(createC4().process({ ...document, text: `Menu\n${text}` })).toEqual(document);
});

test("settings are checked", () => {
  expect(() => createC4({ en: { citations: null } as never })).toThrow(ConfigError);
  expect(() => createC4({ en: { policyPhrases: "cookies" } as never })).toThrow("createC4: en.policyPhrases");
});
