import { expect, test } from "vitest";
import { makeChinese } from "./made-chinese.ts";
import { bytesOf } from "./select-texts.ts";
import { kindOfProse } from "./text-kind.ts";

test("Chinese of the vocabulary's words alone, the same each time, frequent words first", () => {
  const texts = makeChinese(["的", "Ġthe", "中国", "龥龥"], 50_000);
  expect(texts).toEqual(makeChinese(["的", "Ġthe", "中国", "龥龥"], 50_000));
  expect(bytesOf(texts)).toBeGreaterThanOrEqual(50_000);
  const all = texts.join("");
  expect(kindOfProse(all)).toBe("chinese");
  expect(all.replace(/的|中国|龥龥|[，、。？；：\n]/g, "")).toBe("");
  const times = (word: string): number => all.split(word).length - 1;
  expect(times("的")).toBeGreaterThan(times("中国"));
  expect(times("中国")).toBeGreaterThan(times("龥龥"));
  expect(times("龥龥")).toBeGreaterThan(0);
});
