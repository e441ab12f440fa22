import { expect, test } from "vitest";
import { markChanges } from "./mark-changes.ts";

const [before, after] = ["first line  \r\nsecond <b> line\r\nthe third", "first line\nsecond <b> line\nthe third"];

test("what the other text does not have is marked, at each of several places", () => {
  expect(markChanges(before, after)).toBe(
    "first line<mark>  \r</mark>\nsecond &lt;b&gt; line<mark>\r</mark>\nthe third",
  );
  expect(markChanges(after, before)).toBe("first line\nsecond &lt;b&gt; line\nthe third");
  expect(markChanges("caf\u0065\u0301 in town", "caf\u00e9 in town")).toBe("caf<mark>e\u0301</mark> in town");
});

test("an end that is gone is marked, one that was only cut off is not", () => {
  expect(markChanges("a text\n\n\n", "a text")).toBe("a text<mark>\n\n\n</mark>");
  expect(markChanges(`\u0001${"abcdefghij".repeat(5)}`, `${"abcdefghij".repeat(5)}k`)).toBe(
    `<mark>\u0001</mark>${"abcdefghij".repeat(5)}`,
  );
});

test("texts that have nothing in common are marked as a whole, equal ones not at all", () => {
  expect(markChanges("x".repeat(500), "y".repeat(400))).toBe(`<mark>${"x".repeat(500)}</mark>`);
  expect(markChanges("same", "same")).toBe("same");
});
