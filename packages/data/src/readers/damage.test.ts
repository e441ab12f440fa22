/** Compressed files with damage in them: none is read as other text, and what stands before is given. */
import { gzipSync } from "node:zlib";
import { FormatError } from "@ds3/errors";
import { expect, test } from "vitest";
import { testFolder, zstdStored } from "../../test/reader-files.ts";
import { readDocuments } from "../read-documents.ts";

const { file } = await testFolder();

const TEXTS = Array.from({ length: 6 }, (_, i) => `line ${i} of a text that repeats itself, line ${i}`);
/** What the zstd program makes of them as JSON Lines at level 19: one frame with a checksum. */
const ZSTD = Buffer.from(
  "KLUv/WRQAI0CAPKDDRGg7eDSzovLsP+/e3VQyH7PjKDuOcaUQsgYoO6DaiybXXZiyPGdVr8n99PVuzg71hZtT+6lAQsgsDMHHpnPw8ziuZn5yHx8" +
    "2LZ0TxjRAy0IF2g=",
  "base64",
);

interface Outcome {
  readonly texts: readonly string[];
  readonly error: Error | undefined;
}

async function read(name: string, bytes: Uint8Array, chunkBytes = 1 << 18): Promise<Outcome> {
  const path = await file(name, bytes);
  const texts: string[] = [];
  try {
    for await (const { text } of readDocuments(path, { chunkBytes, onReject: () => {} })) texts.push(text);
  } catch (error) {
    return { texts, error: error as Error };
  }
  return { texts, error: undefined };
}

function withFlip(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

test("zstd: no flip of one bit, of 760, gives another text without an error", async () => {
  expect(await read("whole.jsonl.zst", ZSTD)).toEqual({ texts: TEXTS, error: undefined });
  let errors = 0;
  for (let bit = 0; bit < ZSTD.length * 8; bit++) {
    const { texts, error } = await read("flip.jsonl.zst", withFlip(ZSTD, bit));
    if (error === undefined) expect(texts, `bit ${bit}`).toEqual(TEXTS);
    else errors += FormatError.is(error) ? 1 : -1000;
  }
  expect(errors).toBeGreaterThan(700);
});

test("zstd: the error names file and frame, by its byte, however the bytes come", async () => {
  const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from("abc")]);
  const frames = Buffer.concat([ZSTD, skippable, zstdStored(Buffer.from('{"text":"between"}\n')), ZSTD]);
  for (const chunkBytes of [1, 7, 1 << 18]) {
    expect(await read("frames.jsonl.zst", frames, chunkBytes)).toEqual({
      texts: [...TEXTS, "between", ...TEXTS],
      error: undefined,
    });
    const { texts, error } = await read("late.jsonl.zst", withFlip(frames, frames.length * 8 - 1), chunkBytes);
    expect(texts.slice(0, 7)).toEqual([...TEXTS, "between"]);
    const start = frames.length - ZSTD.length;
    expect(error!.message).toContain(
      "late.jsonl.zst: expected complete zstd data, got damaged data (content of checksum",
    );
    expect(error!.message).toContain(`in the frame that begins at byte ${start}).`);
  }
  const { error } = await read("tail.jsonl.zst", Buffer.concat([ZSTD, Buffer.from("no frame")]));
  expect(error!.message).toContain(`no frame begins here, at byte ${ZSTD.length}`);
});

test("zstd: content of another size than the header says is damage, also without a checksum", async () => {
  const stored = Buffer.from(zstdStored(Buffer.from('{"text":"a"}\n')));
  stored.writeUInt32LE(14, 5);
  const { error } = await read("size.jsonl.zst", stored);
  expect(error!.message).toContain("13 bytes of content, not the 14 of its header, in the frame that begins at byte 0");
});

test("gzip: all complete lines before the damage are given, then the error names the bytes", async () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `text ${i} ${((i * 48_271) % 65_537).toString(36)}`);
  const whole = gzipSync(texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  for (const part of [0.2, 0.5, 0.9]) {
    const damaged = Buffer.from(whole);
    const at = Math.floor(whole.length * part);
    damaged.fill(0xff, at, at + 64);
    const { texts: found, error } = await read("middle.jsonl.gz", damaged);
    expect(error!.message).toMatch(
      /middle\.jsonl\.gz: expected complete gzip data, got damaged data \(.* in bytes \d+/,
    );
    const [first, last] = /in bytes (\d+) to (\d+)/.exec(error!.message)!.slice(1).map(Number);
    expect(first!).toBeLessThanOrEqual(last!);
    expect(found.length).toBeGreaterThan(texts.length * (part - 0.05));
    const same = found.findIndex((text, i) => text !== texts[i]);
    expect(same < 0 ? found.length : same).toBeGreaterThan(texts.length * (part - 0.05));
  }
  const sum = await read("sum.jsonl.gz", withFlip(whole, (whole.length - 8) * 8));
  expect(sum.texts).toEqual(texts);
  expect(sum.error!.message).toContain("incorrect data check");
  const cut = await read("cut.jsonl.gz", whole.subarray(0, whole.length / 2));
  expect(cut.texts.length).toBeGreaterThan(9000);
  expect(cut.error!.message).toContain("a file that is cut off");
});
