import { expect, test } from "vitest";
import { measurePromotion } from "./promotion.ts";

test("errors grow with K in a register of 14 bits, and not when it is promoted every 128", () => {
  const measured = measurePromotion([256, 2048]);
  expect(measured).toHaveLength(8);
  for (const operands of ["normal", "uniform"] as const) {
    const errors = (isPromoted: boolean) =>
      measured.filter((one) => one.operands === operands && one.isPromoted === isPromoted);
    const [short, long] = errors(false);
    const [shortPromoted, longPromoted] = errors(true);
    expect(long!.worst).toBeGreaterThan(2 * short!.worst);
    expect(longPromoted!.worst).toBeLessThan(1.1 * shortPromoted!.worst);
    expect(long!.mean).toBeGreaterThan(5 * longPromoted!.mean);
    for (const { mean, worst } of measured) expect(mean).toBeLessThan(worst);
  }
});

test("seeds draw the same numbers each time", () => {
  expect(measurePromotion([256])).toEqual(measurePromotion([256]));
});
