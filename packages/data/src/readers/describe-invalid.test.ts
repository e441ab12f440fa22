import { isUtf8 } from "node:buffer";
import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { describeInvalid, firstInvalidByte } from "./describe-invalid.ts";

test("the first invalid byte is where Node finds text to end, for random bytes near all borders", () => {
  const random = createRandom({ seed: 1 });
  const borders = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
  ];
  borders.push(0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  let whole = 0;
  for (let i = 0; i < 30_000; i++) {
    const bytes = Buffer.from(
      Array.from({ length: 1 + random.below(5) }, () => borders[random.below(borders.length)]!),
    );
    const at = firstInvalidByte(bytes);
    if (at === bytes.length) whole++;
    const shown = bytes.toString("hex");
    expect(isUtf8(bytes.subarray(0, at)), shown).toBe(true);
    for (let end = at + 1; end <= bytes.length; end++) expect(isUtf8(bytes.subarray(0, end)), shown).toBe(false);
  }
  expect(whole).toBeGreaterThan(200);
});

test("place and lines are counted from where the bytes begin", () => {
  const { problem, linesBefore } = describeInvalid(Buffer.from([0x0a, 0x61, 0x0a, 0xc3]), 100, "utf-8");
  expect(linesBefore).toBe(2);
  expect(problem).toMatchObject({ expected: "text in utf-8", actual: "the bytes c3 at byte 103" });
});
