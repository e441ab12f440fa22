import { expect, test } from "vitest";
import { doublingRatio, ratios, speedsOf } from "./speeds.ts";

const bytes = { english: 2e6, chinese: 1e6, code: 1e6 };

test("speeds are medians of passes; all is all bytes by all time of a pass, no mean of speeds", () => {
  const passes = [
    { english: 1, chinese: 1, code: 0.5 },
    { english: 0.5, chinese: 0.25, code: 0.25 },
    { english: 2, chinese: 2, code: 4 },
  ];
  expect(speedsOf(bytes, passes)).toEqual({ english: 2, chinese: 1, code: 2, all: 4 / 2.5 });
});

test("ratios are of speeds: above 1 where the first is faster", () => {
  const fast = { english: 8, chinese: 6, code: 4, all: 6 };
  const slow = { english: 2, chinese: 3, code: 8, all: 3 };
  expect(ratios(fast, slow)).toEqual({ english: 4, chinese: 2, code: 0.5, all: 2 });
});

test("doubling compares the best of each", () => {
  expect(doublingRatio([3, 1, 2], [9, 2.2, 4])).toBeCloseTo(2.2, 12);
});
