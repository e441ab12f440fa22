import { expect, test } from "vitest";
import { ratesOf } from "./peak-share.ts";

const peak = { gigaflopsPerSecond: 40, gigabytesPerSecond: 20 };

test("rates by the second, and the larger share of the two peaks", () => {
  expect(ratesOf({ flops: 2e9, bytes: 5e9 }, 0.5, peak)).toEqual({ gflops: 4, gbps: 10, peakShare: 0.5 });
  expect(ratesOf({ flops: 15e9 }, 0.5, peak)).toEqual({ gflops: 30, peakShare: 0.75 });
});
