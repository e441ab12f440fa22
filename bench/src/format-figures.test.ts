import { expect, test } from "vitest";
import type { Figure } from "./figure.ts";
import { formatFigures } from "./format-figures.ts";

const adapter = "test adapter";

test("a figure's rates, share, counters and memory stand in their columns, within 100 characters", () => {
  const figure: Figure = {
    name: "deepseek.mini.train",
    value: 1234.5,
    unit: "tokens/s",
    adapter,
    gflops: 37.71,
    gbps: 0.5,
    peakShare: 0.876,
    dispatchesPerStep: 443,
    submitsPerStep: 5,
    peakBytes: 368_300_000,
    liveBuffers: 15,
  };
  const [heading, line] = formatFigures([figure]).split("\n") as [string, string];
  expect(line.split(/\s+/)).toEqual("deepseek.mini.train 1,235 tokens/s 37.71 0.500 88 % 443/5 368.3 15".split(" "));
  expect(Math.max(heading.length, line.length)).toBeLessThanOrEqual(100);
  expect(line.length).toBe(heading.length);
  expect(line.indexOf("37.71") + 5).toBe(heading.indexOf("GFLOP/s") + 7);
});

test("a rate that is the value is not repeated, and submits shared by calls are fractions", () => {
  const figure: Figure = {
    name: "adamw",
    value: 8.5,
    unit: "GB/s",
    adapter,
    gbps: 8.5,
    dispatchesPerStep: 1,
    submitsPerStep: 1 / 32,
  };
  expect(formatFigures([figure]).split("\n")[1]!.split(/\s+/)).toEqual(["adamw", "8.50", "GB/s", "1/0.03"]);
});

test("bytes are megabytes, and first losses and notes follow on lines of their own", () => {
  const figure: Figure = {
    name: "steady.peak-bytes.end",
    value: 84_640_000,
    unit: "bytes",
    adapter,
    firstLosses: [7.649461, 7.3656],
    note: "as the peers'",
  };
  const [, line, losses, note] = formatFigures([figure]).split("\n");
  expect(line).toMatch(/84\.60 MB$/);
  expect([losses, note]).toEqual(["    first losses 7.64946 7.36560", "    as the peers'"]);
});

test("parts of bytes stand below, in megabytes", () => {
  const parts = { attention: 31_650_000, loss: 243_000 };
  const figure: Figure = { name: "fp8.memory", value: 31_893_000, unit: "bytes", adapter, parts };
  expect(formatFigures([figure]).split("\n")[2]).toBe("    attention 31.65, loss 0.243 MB");
});

test("fewer bytes than a megabyte are bytes", () => {
  const figure: Figure = { name: "scale.tiny.bytes-per-token", value: 31_234.4, unit: "bytes", adapter };
  expect(formatFigures([figure]).split("\n")[1]!.split(/\s+/).slice(1)).toEqual(["31,234", "bytes"]);
});

test("a long name moves the value, not the unit behind it", () => {
  const figure: Figure = { name: `a.name.of.${"x".repeat(28)}`, value: 12.5, unit: "MB/s", adapter };
  const [heading, line] = formatFigures([figure]).split("\n") as [string, string];
  expect(line.split(/\s+/)).toEqual([figure.name, "12.50", "MB/s"]);
  expect(line.indexOf("MB/s")).toBe(heading.indexOf("unit"));
});
