import { expect, test } from "vitest";
import { kindOfProse } from "./text-kind.ts";

test.each([
  ["It is a truth universally acknowledged, that a single man in possession.", "english"],
  ["学而时习之，不亦说乎？有朋自远方来，不亦乐乎？", "chinese"],
  ["使用 useState 声明一个状态变量，然后在事件处理函数中更新它的值。", "chinese"],
  ["これは日本語の文章です。漢字とかなが混ざっています。とても長い文章です。", undefined],
  ["Это предложение написано по-русски, и в нём нет других букв.", undefined],
  ["Où est-ce que l'été à la mer était déjà passé, là-bas, près de l'hôtel ?", undefined],
  ["12345 67890", undefined],
])("%s is %s", (text, kind) => {
  expect(kindOfProse(text)).toBe(kind);
});
