import { expect, test } from "vitest";
import { spoolTexts } from "./spool-texts.ts";

async function* give(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

test("texts come back as they were, any number of times, also those longer than a block and empty ones", async () => {
  const texts = [
    "",
    "a",
    "中文🎉",
    "x".repeat(3_000_000),
    "\n\0",
    ...Array.from({ length: 5000 }, (_, i) => `${i}`.repeat(200)),
  ];
  using spooled = await spoolTexts(give(texts));
  expect(spooled.count).toBe(texts.length);
  expect(spooled.bytes).toBe(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
  for (let time = 0; time < 2; time++) {
    let i = 0;
    for (const text of spooled) if (text !== texts[i++]) throw new Error(`text ${i - 1} is another`);
    expect(i).toBe(texts.length);
  }
});

test("what reading throws goes on", async () => {
  const failing = async function* (): AsyncGenerator<string> {
    yield "a";
    throw new Error("torn");
  };
  await expect(spoolTexts(failing())).rejects.toThrow("torn");
});
