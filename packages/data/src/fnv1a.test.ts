import { expect, test } from "vitest";
import { FNV_START, fnv1a } from "./fnv1a.ts";

test("texts of single bytes hash as the algorithm's authors list them", () => {
  const known: [string, number][] = [
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["b", 0xe70c2de5],
    ["foobar", 0xbf9cf968],
  ];
  for (const [text, hash] of known) expect(fnv1a(text) >>> 0).toBe(hash);
});

test("a part of a text, and a hash that goes on", () => {
  expect(fnv1a("xfoobary", FNV_START, 1, 7)).toBe(fnv1a("foobar"));
  expect(fnv1a("bar", fnv1a("foo"))).toBe(fnv1a("foobar"));
});
