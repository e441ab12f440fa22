import { expect, test } from "vitest";
import { median } from "./figure.ts";

test.each([
  [[3], 3],
  [[30, 1, 4], 4],
  [[10, 2, 1, 4], 3],
])("the median of %j is %d", (values, middle) => {
  expect(median(values)).toBe(middle);
});
