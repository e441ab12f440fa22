import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { groupAdvantages } from "./group-advantages.ts";

describe("groupAdvantages", () => {
  test("each group by its own mean and standard deviation", () => {
    const got = groupAdvantages([1, 2, 6, 10, 10, 40], 3, { eps: 0 });
    const [low, high] = [Math.sqrt(7), Math.sqrt(300)];
    expect([...got]).toEqual([-2 / low, -1 / low, 3 / low, -10 / high, -10 / high, 20 / high]);
    expect(groupAdvantages([1, 2, 6], 3, { scale: "none" })).toEqual(Float64Array.of(-2, -1, 3));
    const population = groupAdvantages([0, 2], 2, { scale: "populationStd", eps: 1 });
    expect(population).toEqual(Float64Array.of(-0.5, 0.5));
  });

  test("equal rewards give exact zeros, whatever their mean rounds to", () => {
    for (const scale of ["std", "populationStd", "none"] as const) {
      expect([...groupAdvantages([0.1, 0.1, 0.1], 3, { scale })]).toEqual([0, 0, 0]);
    }
  });

  test("a dropped member enters neither mean nor standard deviation", () => {
    const got = groupAdvantages([1, null, 3, undefined, 5, 7, 9, null], 4, { eps: 0 });
    expect([...got.subarray(0, 4)]).toEqual([-1 / Math.SQRT2, 0, 1 / Math.SQRT2, 0]);
    expect([...got.subarray(4)]).toEqual([-1, 0, 1, 0]);
  });

  test("groups with one member or none get zeros, no rewards give none", () => {
    expect([...groupAdvantages([5, null, null, null], 2)]).toEqual([0, 0, 0, 0]);
    expect([...groupAdvantages([3, 4], 1)]).toEqual([0, 0]);
    expect(groupAdvantages([], 4)).toHaveLength(0);
  });

  test("errors name the reward", () => {
    expect(() => groupAdvantages([1, 2, 3], 2)).toThrow(ShapeError);
    expect(() => groupAdvantages([1], 0)).toThrow(/1 rewards, groupSize 0/);
    expect(() => groupAdvantages([1, Number.NaN], 2)).toThrow(OutOfRangeError);
    expect(() => groupAdvantages([1, Number.NaN], 2)).toThrow(/rewards\[1\]: expected a finite number.*got NaN/);
    expect(() => groupAdvantages([Number.POSITIVE_INFINITY, 1], 2)).toThrow(/rewards\[0\]/);
  });
});
