import { isSameAnswer } from "@ds3/align-grpo";
import { expect, test } from "vitest";
import {
  answer,
  askAll,
  question,
  questionForms,
  reply,
  replyPairs,
  type Sum,
  splitSums,
  wrongReply,
} from "./arithmetic.ts";

test("the split has every sum once, and depends on the seed alone", () => {
  const { train, heldOut } = splitSums(3);
  const all = [...train, ...heldOut].map(([a, b, c]) => 100 * a + 10 * b + c);
  expect(all.sort((x, y) => x - y)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(heldOut).toHaveLength(150);
  // No order of held-out digits is trained on.
  const digits = (sums: readonly Sum[]): Set<string> => new Set(sums.map((sum) => [...sum].sort().join("")));
  const shared = [...digits(train)].filter((key) => digits(heldOut).has(key));
  expect(shared).toEqual([]);
  expect(splitSums(3)).toEqual({ train, heldOut });
  expect(splitSums(4).heldOut).not.toEqual(heldOut);
});

test("every form names the three numbers, and right replies come to the answer", () => {
  for (const sum of [
    [0, 0, 0],
    [9, 8, 7],
    [1, 0, 9],
  ] as const) {
    for (let form = 0; form < questionForms; form++) {
      expect(question(sum, form).match(/\d+/g)!.map(Number)).toEqual([...sum]);
    }
    for (const style of ["thinking", "brief"] as const) {
      expect(isSameAnswer(reply(sum, style), answer(sum))).toBe(true);
    }
  }
  expect(reply([3, 4, 5], "thinking")).toBe("<think>3+4=7 7+5=12</think>12");
  expect(reply([3, 4, 5], "brief")).toBe("12");
});

test("a wrong reply is wrong by at most three, never negative, and only in its last addition", () => {
  let state = 1;
  const draw = (bound: number): number => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  for (let i = 0; i < 300; i++) {
    const sum = [draw(10), draw(10), draw(10)] as const;
    const right = sum[0] + sum[1] + sum[2];
    const given = Number(wrongReply(sum, "brief", draw));
    expect(Math.abs(given - right)).toBeGreaterThan(0);
    expect(Math.abs(given - right)).toBeLessThanOrEqual(3);
    expect(given).toBeGreaterThanOrEqual(0);
    const thought = wrongReply(sum, "thinking", draw);
    expect(thought.startsWith(`<think>${sum[0]}+${sum[1]}=${sum[0] + sum[1]} `)).toBe(true);
    expect(isSameAnswer(thought, answer(sum))).toBe(false);
  }
});

test("pairs: each sum in each form, both replies in one style, both styles about equally often", () => {
  const { train } = splitSums(0);
  const pairs = replyPairs(train, 5);
  expect(pairs).toHaveLength(train.length * questionForms);
  expect(new Set(pairs.map((pair) => pair.question)).size).toBe(pairs.length);
  const thinking = pairs.filter(({ chosen }) => chosen.startsWith("<think>")).length / pairs.length;
  expect(thinking).toBeGreaterThan(0.45);
  expect(thinking).toBeLessThan(0.55);
  expect(pairs.every(({ chosen, rejected }) => chosen.startsWith("<") === rejected.startsWith("<"))).toBe(true);
  expect(askAll(train, 5).map((asked) => asked.question)).toEqual(pairs.map((pair) => pair.question));
});
