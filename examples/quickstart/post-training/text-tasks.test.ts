import type { Document } from "@ds3/data";
import { expect, test } from "vitest";
import { textExchanges } from "./text-tasks.ts";

const english = "The quick brown fox jumps over the lazy dog while seven birds sing of rain. ".repeat(20);
const chinese = "春天来了，七只小鸟在树上唱歌，雨水落在田野里，孩子们在河边奔跑。".repeat(20);
const documents = [english, chinese, "too short"].map((text): Document => ({ text, source: "test" }));

test("exchanges ask in the text's own language, and their replies are in the text", () => {
  const exchanges = textExchanges(documents, 200, 1);
  expect(exchanges).toHaveLength(200);
  for (const { user, assistant } of exchanges) {
    const isChinese = /\p{Script=Han}/u.test(assistant);
    expect(user).toMatch(isChinese ? /^请(续写|重复)：/ : /^(Continue|Repeat): /);
    expect(isChinese ? chinese : english).toContain(assistant);
    const about = user.replace(/^(请..：|\w+: )/, "");
    if (/^(Repeat|请重复)/.test(user)) expect(assistant).toBe(about);
    else
      expect((isChinese ? chinese : english).replaceAll(/\s+/g, "")).toContain(
        (about + assistant).replaceAll(/\s+/g, ""),
      );
  }
  expect(new Set(exchanges.map(({ user }) => user.slice(0, 3))).size).toBe(4);
});

test("the same seed gives the same exchanges, another one others; no text, none", () => {
  expect(textExchanges(documents, 20, 7)).toEqual(textExchanges(documents, 20, 7));
  expect(textExchanges(documents, 20, 7)).not.toEqual(textExchanges(documents, 20, 8));
  expect(textExchanges(documents.slice(2), 20, 7)).toEqual([]);
});
