import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DiskFullError, DiskWriteError } from "@ds3/data/node";
import { temporaryFolder } from "@ds3/testing";
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

test.skipIf(!existsSync("/dev/full"))("a full disk is named, and nothing is left", async () => {
  const folder = join(temporaryFolder(), "spool");
  mkdirSync(folder);
  symlinkSync("/dev/full", join(folder, "texts"));
  const failure = await spoolTexts(give(["a"]), () => {}, folder).catch((error: unknown) => error);
  expect(DiskFullError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(join(folder, "texts"));
  expect(existsSync(folder)).toBe(false);
});

test("a folder that cannot be written to is named", async () => {
  const folder = join(temporaryFolder(), "none");
  const failure = await spoolTexts(give(["a"]), () => {}, folder).catch((error: unknown) => error);
  expect(DiskWriteError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(join(folder, "texts"));
});
